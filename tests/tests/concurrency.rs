//! Encoding gives the same bits however it is called: from many threads, in blocks, into views, of any text
//! type.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::thread;

use m2v_core::Dir;
use m2v_infer::{BLOCK, EncodeOptions, Encoder, EncoderExt, Error, Scratch, ScratchPool, StaticModel};
use m2v_tests::{Result, assert_bits, fixture, shipped_model, small_with, texts};
use ndarray::{Array2, ArrayViewMut2, Axis, concatenate, s};

fn shipped() -> Result<StaticModel> {
    Ok(StaticModel::load(&Dir::open(shipped_model())?)?)
}

/// More texts than fit a few blocks, without the very long ones.
fn many_texts() -> Result<Vec<String>> {
    let texts: Vec<_> = texts()?.into_iter().filter(|text| text.len() < 400).collect();
    Ok(texts.iter().cycle().take(3 * BLOCK + 5).cloned().collect())
}

#[test]
fn threads_with_options_of_their_own_do_not_disturb_each_other() -> Result<()> {
    let texts = many_texts()?;
    for model in [shipped()?, StaticModel::load(&Dir::open(fixture("models/bpe-byte-level"))?)?] {
        let options = [None, Some(1), Some(5), Some(512)]
            .into_iter()
            .flat_map(|max_length| [true, false].map(|normalize| (max_length, normalize)))
            .map(|(max_length, normalize)| {
                EncodeOptions::default().with_max_length(max_length).with_normalize(normalize)
            });
        let models: Vec<_> = options.map(|options| model.with_options(options)).collect();
        let alone: Vec<_> = models.iter().map(|model| model.encode(&texts)).collect::<Result<_, _>>()?;
        assert!((1..8).all(|i| alone[i] != alone[i - 1]), "the options make a difference");
        thread::scope(|scope| {
            let threads: Vec<_> = models.iter().map(|model| scope.spawn(|| model.encode(&texts))).collect();
            for (thread, alone) in threads.into_iter().zip(&alone) {
                assert_bits("at once", thread.join().unwrap().unwrap().view(), alone.view());
            }
        });
    }
    Ok(())
}

#[test]
fn threads_share_one_model() -> Result<()> {
    let (model, texts) = (shipped()?, many_texts()?);
    let alone = model.encode(&texts)?;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|i| {
                let (model, part) = (&model, i * texts.len() / 8..(i + 1) * texts.len() / 8);
                let texts = &texts[part.clone()];
                (part, scope.spawn(move || model.encode(texts)))
            })
            .collect();
        for (part, thread) in threads {
            assert_bits("a part", thread.join().unwrap().unwrap().view(), alone.slice(s![part, ..]));
        }
    });
    Ok(())
}

#[test]
fn pools_of_any_size_give_the_same_bits() -> Result<()> {
    let (model, texts) = (shipped()?, many_texts()?);
    let expected = model.encode(&texts)?;
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let found = pool.install(|| model.encode(&texts))?;
        assert_bits(&format!("{threads} threads"), found.view(), expected.view());
    }
    Ok(())
}

#[test]
fn each_text_is_embedded_as_if_alone_whatever_the_number() -> Result<()> {
    let (model, texts) = (shipped()?, many_texts()?);
    let alone = texts.iter().map(|text| model.encode_one(text)).collect::<Result<Vec<_>, _>>()?;
    for count in [1, 2, BLOCK / 8, BLOCK / 8 + 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, texts.len()] {
        let together = model.encode(&texts[..count])?;
        let alone: Vec<_> = alone[..count].iter().map(|row| row.view().insert_axis(Axis(0))).collect();
        assert_bits(&count.to_string(), together.view(), concatenate(Axis(0), &alone)?.view());
    }
    Ok(())
}

/// What goes into a block alone, with or without a pool.
struct OneByOne(StaticModel, bool);

impl Encoder for OneByOne {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn encode_block(
        &self,
        texts: &[&str],
        scratch: &mut Scratch,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), Error> {
        self.0.encode_block(texts, scratch, out)
    }

    fn scratch_pool(&self) -> Option<&ScratchPool> {
        self.0.scratch_pool().filter(|_| self.1)
    }
}

#[test]
fn one_text_is_the_same_by_every_way() -> Result<()> {
    let model = shipped()?;
    // One that is huge, cut and not.
    let texts = ["", "a strange qzjword, alone", &"word ".repeat(1 << 20)];
    for model in [model.with_options(EncodeOptions::default().with_max_length(None)), model] {
        let expected = model.encode(&texts)?;
        for (i, &text) in texts.iter().enumerate() {
            for encoder in
                [&model as &dyn Encoder, &OneByOne(model.clone(), true), &OneByOne(model.clone(), false)]
            {
                let mut found = Array2::from_elem((4, 64), f32::NAN);
                encoder.encode_one_into(text, found.row_mut(0).as_slice_mut().unwrap())?;
                encoder.encode_into(&[text], found.slice_mut(s![1..2, ..]))?;
                encoder.encode_into(&[text], found.slice_mut(s![2..3, ..;-1]))?;
                encoder.encode_block(&[text], &mut Scratch::default(), found.slice_mut(s![3.., ..]))?;
                for (row, found) in found.rows().into_iter().enumerate() {
                    let found = if row == 2 { found.slice_move(s![..;-1]) } else { found };
                    let found = found.insert_axis(Axis(0));
                    assert_bits(&format!("{row} of text {i}"), found, expected.slice(s![i..=i, ..]));
                }
            }
        }
    }
    Ok(())
}

#[test]
fn no_texts_give_no_rows() -> Result<()> {
    let model = shipped()?;
    assert_eq!(model.encode::<&str>(&[])?.dim(), (0, 64));
    model.encode_into::<String>(&[], Array2::zeros((0, 64)).view_mut())?;
    assert_eq!(model.encode_blocks(Vec::<String>::new(), 8).count(), 0);
    Ok(())
}

#[test]
fn progress_counts_every_text_once() -> Result<()> {
    let (model, texts) = (shipped()?, many_texts()?);
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let seen = Mutex::new(Vec::new());
        pool.install(|| model.encode_with_progress(&texts, &|done| seen.lock().unwrap().push(done)))?;
        let mut seen = seen.into_inner()?;
        seen.sort_unstable();
        assert!(seen.len() > 3, "told more often than once: {seen:?}");
        assert!(seen.is_sorted_by(|before, after| before < after), "no number twice: {seen:?}");
        assert_eq!(seen.last(), Some(&texts.len()));
    }
    let seen = Mutex::new(Vec::new());
    model.encode_with_progress(&texts[..1], &|done| seen.lock().unwrap().push(done))?;
    assert_eq!(seen.into_inner()?, [1]);
    Ok(())
}

#[test]
fn a_model_that_does_not_say_is_encoded_with_the_defaults() -> Result<()> {
    let model = StaticModel::load(&small_with("config.json", "{}".to_owned())?)?;
    assert_eq!(model.options(), EncodeOptions::default());
    assert_eq!((model.options().max_length, model.options().normalize), (Some(512), false));
    Ok(())
}

#[test]
fn rows_go_into_any_view() -> Result<()> {
    let (model, texts) = (shipped()?, many_texts()?);
    let expected = model.encode(&texts)?;
    let (rows, columns) = expected.dim();
    // A band of columns, every second column, both axes backwards, and column-major.
    let mut band = Array2::from_elem((rows, columns + 7), f32::NAN);
    model.encode_into(&texts, band.slice_mut(s![.., 3..3 + columns]))?;
    assert_bits("band", band.slice(s![.., 3..3 + columns]), expected.view());
    assert!(band.slice(s![.., ..3]).iter().all(|x| x.is_nan()), "written left of the band");
    assert!(band.slice(s![.., 3 + columns..]).iter().all(|x| x.is_nan()), "written right of the band");

    let mut second = Array2::from_elem((rows, 2 * columns), f32::NAN);
    model.encode_into(&texts, second.slice_mut(s![.., 1..;2]))?;
    assert_bits("every second", second.slice(s![.., 1..;2]), expected.view());
    assert!(second.slice(s![.., ..;2]).iter().all(|x| x.is_nan()), "written between the columns");

    let mut backwards = Array2::zeros((rows, columns));
    model.encode_into(&texts, backwards.slice_mut(s![..;-1, ..;-1]))?;
    assert_bits("backwards", backwards.slice(s![..;-1, ..;-1]), expected.view());

    let mut transposed = Array2::zeros((columns, rows));
    model.encode_into(&texts, transposed.view_mut().reversed_axes())?;
    assert_bits("transposed", transposed.t(), expected.view());
    Ok(())
}

#[test]
fn what_was_in_the_output_does_not_matter() -> Result<()> {
    let model = shipped()?;
    let texts = ["", "[UNK]", "some text"];
    let mut out = Array2::from_elem((3, 64), f32::NAN);
    model.encode_into(&texts, out.view_mut())?;
    assert_bits("over NaN", out.view(), model.encode(&texts)?.view());
    assert!(out.slice(s![..2, ..]).iter().all(|x| x.to_bits() == 0), "no tokens are zeros");
    Ok(())
}

#[test]
fn blocks_of_a_stream_are_the_whole() -> Result<()> {
    let (model, texts) = (shipped()?, many_texts()?);
    let expected = model.encode(&texts)?;
    for size in [0, 1, 7, BLOCK, texts.len(), usize::MAX] {
        // One text of several is enough for the small sizes.
        let texts = if size < 7 { &texts[..50] } else { &texts[..] };
        let blocks = model.encode_blocks(texts, size).collect::<Result<Vec<_>, _>>()?;
        let size = size.max(1);
        assert!(blocks.iter().rev().skip(1).all(|block| block.nrows() == size), "full blocks but the last");
        let views: Vec<_> = blocks.iter().map(|block| block.view()).collect();
        let whole = concatenate(Axis(0), &views)?;
        assert_bits(&size.to_string(), whole.view(), expected.slice(s![..texts.len(), ..]));
    }
    Ok(())
}

#[test]
fn a_stream_is_read_one_block_at_a_time() -> Result<()> {
    let model = shipped()?;
    let taken = Cell::new(0);
    let endless = (0..).map(|i| {
        taken.set(i + 1);
        format!("text {i}")
    });
    let mut blocks = model.encode_blocks(endless, 10);
    for expected in [10, 20, 30] {
        assert_eq!(blocks.next().ok_or("ended")??.nrows(), 10);
        assert_eq!(taken.get(), expected);
    }
    Ok(())
}

#[test]
fn texts_may_be_of_any_type() -> Result<()> {
    let model = shipped()?;
    let expected = model.encode(&["one text", "and another"])?;
    let strings = ["one text".to_owned(), "and another".to_owned()];
    let cows: [Cow<'_, str>; 2] = ["one text".into(), strings[1].clone().into()];
    let arcs: [Arc<str>; 2] = ["one text".into(), "and another".into()];
    let boxes: Vec<Box<str>> = strings.iter().map(|text| text.as_str().into()).collect();
    assert_bits("&String", model.encode(&[&strings[0], &strings[1]])?.view(), expected.view());
    assert_bits("String", model.encode(&strings)?.view(), expected.view());
    assert_bits("Cow", model.encode(&cows)?.view(), expected.view());
    assert_bits("Arc", model.encode(&arcs)?.view(), expected.view());
    assert_bits("Box", model.encode(&boxes)?.view(), expected.view());
    Ok(())
}

#[test]
fn an_encoder_may_be_behind_a_pointer() -> Result<()> {
    let model = shipped()?;
    let texts = ["one text", "and another"];
    let expected = model.encode(&texts)?;
    let borrowed: &dyn Encoder = &model;
    assert_bits("&dyn", borrowed.encode(&texts)?.view(), expected.view());
    assert_bits(
        "blocks of &dyn",
        borrowed.encode_blocks(texts, 2).next().ok_or("none")??.view(),
        expected.view(),
    );
    let boxed: Box<dyn Encoder> = Box::new(model.clone());
    assert_bits("Box", boxed.encode(&texts)?.view(), expected.view());
    let shared: Arc<dyn Encoder> = Arc::new(model);
    let elsewhere = Arc::clone(&shared);
    let found = thread::spawn(move || elsewhere.encode(&texts)).join().unwrap()?;
    assert_bits("Arc", found.view(), expected.view());
    Ok(())
}

/// Fails on one text.
struct FailsAt(&'static str);

impl Encoder for FailsAt {
    fn dim(&self) -> usize {
        1
    }

    fn encode_block(&self, texts: &[&str], _: &mut Scratch, _: ArrayViewMut2<'_, f32>) -> Result<(), Error> {
        if texts.contains(&self.0) { Err(Error::Encoder(self.0.into())) } else { Ok(()) }
    }
}

#[test]
fn an_error_in_any_block_is_the_error_of_the_whole() -> Result<()> {
    let texts: Vec<String> = (0..2000).map(|i| i.to_string()).collect();
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        for at in ["0", "1000", "1999"] {
            let error = pool.install(|| FailsAt(at).encode(&texts)).unwrap_err();
            let Error::Text { text, source } = &error else { return Err(error.into()) };
            assert_eq!(text.to_string(), at);
            assert!(matches!(&**source, Error::Encoder(source) if source.to_string() == at), "{error:?}");
        }
        assert_eq!(pool.install(|| FailsAt("none of them").encode(&texts))?.dim(), (2000, 1));
    }
    Ok(())
}
