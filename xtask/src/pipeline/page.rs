//! `report.html`: the report as one page, with the plot of size against quality.

use std::fmt::Write as _;

use plotters::prelude::*;

use super::artefact::Artefact;
use super::progress::shortened;
use super::report::Report;

const STYLE: &str = "\
:root { color-scheme: light dark; --line: #8884; --dim: #888; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .25rem; }
p { color: var(--dim); max-width: 60rem; margin-top: .25rem; }
.plot { overflow-x: auto; background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: .5rem; }
.plot svg { width: 100%; min-width: 48rem; height: auto; display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 1.5rem 0; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .4rem .5rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th, td:first-child, td:last-child { white-space: normal; }
td:first-child { min-width: 14rem; overflow-wrap: anywhere; }
td:last-child { min-width: 9rem; }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left; }
th { font-weight: 600; vertical-align: bottom; }
.failed { color: #c22; font-weight: 600; }
";

/// Points of tables and of graphs.
const TABLES: RGBColor = RGBColor(0x1f, 0x6f, 0xb5);
const GRAPHS: RGBColor = RGBColor(0xd9, 0x7a, 0x1d);

/// A file in the plot.
struct Point<'a> {
    label: &'a str,
    is_graph: bool,
    /// In MB.
    size: f64,
    recall: f64,
}

/// The page.
pub(super) fn html(report: &Report) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n<h1>{title}</h1>\n",
        title = escape(report.model())
    );
    for line in report.summary() {
        let _ = writeln!(page, "<p>{}</p>", escape(&line));
    }
    let points = points(&report.artefacts);
    // Without a second size there is nothing to compare.
    if points.len() > 1
        && let Ok(svg) = plot(&points)
    {
        let _ = writeln!(page, "<div class=\"plot\">{svg}</div>");
    }
    page += &table(&report.artefacts);
    page += &heads(&report.artefacts);
    if let Some(legend) = report.legend() {
        let _ = writeln!(page, "<p>{}</p>", escape(legend));
    }
    page += "</html>\n";
    page
}

fn points(artefacts: &[Artefact]) -> Vec<Point<'_>> {
    let verified = artefacts.iter().filter_map(|artefact| Some((artefact, artefact.verified.as_ref()?)));
    let points = verified.map(|(artefact, verified)| Point {
        label: &artefact.folder,
        is_graph: artefact.file.ends_with(".onnx"),
        size: artefact.bytes as f64 / 1e6,
        recall: verified.recall_at_10,
    });
    points.filter(|point| point.recall.is_finite() && point.size > 0.0).collect()
}

/// Size against recall@10, as SVG.
fn plot(points: &[Point<'_>]) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    {
        let sizes = points.iter().map(|point| point.size);
        let (smallest, largest) =
            sizes.fold((f64::INFINITY, 0.0f64), |(a, b), size| (a.min(size), b.max(size)));
        let worst = points.iter().fold(1.0f64, |worst, point| worst.min(point.recall));
        let below = ((1.0 - worst) * 0.2).max(0.002);
        let root = SVGBackend::with_string(&mut svg, (960, 420)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin(16)
            .margin_right(110)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(
                (smallest * 0.8..largest * 1.25)
                    .log_scale()
                    .with_key_points(ticks(smallest * 0.8, largest * 1.25)),
                worst - below..1.0 + below,
            )?;
        // There is room above 1, but no recall.
        let decimals = |value: &f64| if *value > 1.0 { String::new() } else { format!("{value:.3}") };
        let megabytes = |value: &f64| value.to_string();
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("size, MB (log scale)")
            .y_desc("recall@10")
            .x_label_formatter(&megabytes)
            .y_label_formatter(&decimals)
            .label_style(("sans-serif", 14))
            .draw()?;
        for (is_graph, colour, name) in [(false, TABLES, "table"), (true, GRAPHS, "ONNX graph")] {
            let chosen: Vec<&Point<'_>> = points.iter().filter(|point| point.is_graph == is_graph).collect();
            if chosen.is_empty() {
                continue;
            }
            let size = if is_graph { 4 } else { 7 };
            let dots =
                chosen.iter().map(|point| Circle::new((point.size, point.recall), size, colour.filled()));
            chart.draw_series(dots)?.label(name).legend(move |at| Circle::new(at, size, colour.filled()));
        }
        let tables = points.iter().filter(|point| !point.is_graph);
        chart.draw_series(tables.map(|point| {
            EmptyElement::at((point.size, point.recall))
                + Text::new(shortened(point.label, 28), (10, -6), ("sans-serif", 14).into_font())
        }))?;
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .label_font(("sans-serif", 14))
            .background_style(WHITE)
            .border_style(TRANSPARENT)
            .draw()?;
        root.present()?;
    }
    Ok(svg)
}

/// Round numbers between two, few in each power of ten: on a logarithmic scale the powers alone may be none.
fn ticks(from: f64, to: f64) -> Vec<f64> {
    const FEW: &[f64] = &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0];
    const MANY: &[f64] = &[1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
    let steps = if to / from < 4.0 { MANY } else { FEW };
    let all = (-3..7).flat_map(|power| steps.iter().map(move |x| x * 10f64.powi(power)));
    // Of 0.1 + 0.2 only what people write.
    let round = |x: f64| (x * 1e4).round() / 1e4;
    all.map(round).filter(|x| (from..=to).contains(x)).collect()
}

fn table(artefacts: &[Artefact]) -> String {
    let mut table =
        "<div class=\"scroll\"><table>\n<tr><th>file<th>MB<th>rows × dims<th>dtype<th>cosine min<th>1 %\
                     <th>mean<th>recall@10<th>largest difference<th>texts/s<th>verified by\n"
            .to_owned();
    for artefact in artefacts {
        let Artefact { file, folder, dtype, rows, dim, bytes, verified, .. } = artefact;
        let _ = write!(
            table,
            "<tr title=\"{}\"><td>{}<td>{:.2}<td>{rows} × {dim}<td>{dtype}",
            escape(&artefact.recipe),
            escape(&format!("{folder}/{file}")),
            *bytes as f64 / 1e6
        );
        let _ = match verified {
            Some(verified) => writeln!(
                table,
                "<td>{:.6}<td>{:.6}<td>{:.6}<td>{:.4}<td>{:.1e}<td>{:.0}<td>{}{}",
                verified.cosine_min,
                verified.cosine_p1,
                verified.cosine_mean,
                verified.recall_at_10,
                verified.max_abs_diff,
                verified.texts_per_second,
                if verified.passed { "" } else { "<span class=\"failed\">FAILED</span> " },
                escape(&verified.by)
            ),
            None => writeln!(table, "{}<td>not verified", "<td>–".repeat(6)),
        };
    }
    table + "</table></div>\n"
}

/// What heads showed, for a pipeline.
fn heads(artefacts: &[Artefact]) -> String {
    let mut rows = String::new();
    for Artefact { folder, file, verified, .. } in artefacts {
        let Some(head) = verified.as_ref().and_then(|verified| verified.head.as_ref()) else { continue };
        let _ = writeln!(
            rows,
            "<tr><td>{}<td>{}<td>{}<td>{:.1e}<td>{}{}",
            escape(&format!("{folder}/{file}")),
            head.output,
            head.compared_with,
            head.max_abs_diff,
            if head.passed { "" } else { "<span class=\"failed\">FAILED</span> " },
            head.same_labels.map_or("–".to_owned(), |same| format!("{:.2} %", same * 100.0))
        );
    }
    if rows.is_empty() {
        return rows;
    }
    let head = "<tr><th>file<th>head<th>compared with<th>largest difference<th>same labels";
    format!("<div class=\"scroll\"><table>\n{head}\n{rows}</table></div>\n")
}

/// Text as it has to stand in HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{Point, escape, plot, ticks};

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }

    #[test]
    fn sizes_of_any_scale_have_ticks() {
        assert_eq!(ticks(1.6, 9.4), [2.0, 3.0, 5.0, 7.0]);
        assert_eq!(ticks(0.08, 0.4), [0.1, 0.15, 0.2, 0.3]);
        assert_eq!(ticks(400.0, 1100.0), [400.0, 500.0, 600.0, 700.0, 800.0, 900.0, 1000.0]);
    }

    #[test]
    fn every_file_is_a_point() {
        let point = |size, is_graph| Point { label: "<int8>", is_graph, size, recall: 0.99 };
        let svg = plot(&[point(2.0, false), point(2.1, true), point(7.5, false)]).unwrap();
        let legend = 2;
        assert_eq!(svg.matches("<circle").count(), 3 + legend, "{svg}");
        assert!(svg.contains("&lt;int8&gt;") && !svg.contains("<int8>"), "{svg}");
        // Sizes can be read, and no recall above 1.
        let labels: Vec<&str> =
            svg.split("</text>").map(|text| text.trim_end().rsplit('\n').next().unwrap()).collect();
        for label in ["2", "3", "5", "7", "1.000"] {
            assert!(labels.contains(&label), "no {label} in {labels:?}");
        }
        assert!(!labels.iter().any(|label| label.starts_with("1.00") && *label != "1.000"), "{labels:?}");
    }
}
