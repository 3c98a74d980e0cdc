//! Who may depend on whom: the arrows of the architecture, read from `cargo metadata`; and that no C compiler,
//! C library or code generator is needed, read from `cargo tree`.

use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand};
use m2v_tests::Result;

/// Libraries, lowest first: those of one line know nothing of each other.
const LEVELS: [&[&str]; 2] =
    [&["m2v-core", "m2v-tokenize"], &["m2v-infer", "m2v-quant", "m2v-onnx", "m2v-hub"]];

/// Packages that may use every library, and that nobody may use.
const TOP: [&str; 4] = ["m2v-cli", "m2v-outside", "m2v-tests", "xtask"];

fn level(package: &str) -> Option<usize> {
    LEVELS.iter().position(|level| level.contains(&package))
}

/// Why a package of the workspace may not depend on another, if it may not.
fn forbidden(package: &str, dependency: &str, kind: DependencyKind) -> Option<String> {
    let Some(below) = level(dependency) else {
        return Some(format!("{package} uses {dependency}, which is no library of ARCHITECTURE.md"));
    };
    let allowed = match level(package) {
        None => TOP.contains(&package),
        // Tests may look sideways, never up.
        Some(own) if kind == DependencyKind::Development => below <= own,
        Some(own) => below < own,
    };
    (!allowed).then(|| format!("{package} may not use {dependency} ({kind} dependency)"))
}

#[test]
fn every_arrow_points_down() -> Result<()> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec()?;
    let members: Vec<_> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let (mut edges, mut errors) = (0, Vec::new());
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        if level(name).is_none() && !TOP.contains(&name) {
            errors.push(format!("{name} has no place in the architecture: add it to this test"));
        }
        for dependency in package.dependencies.iter().filter(|dependency| members.contains(&dependency.name))
        {
            edges += 1;
            errors.extend(forbidden(name, &dependency.name, dependency.kind));
        }
    }
    assert!(edges > 5, "found only {edges} edges: is the workspace read at all?");
    assert!(errors.is_empty(), "{errors:#?}");
    Ok(())
}

#[test]
fn an_arrow_up_or_sideways_is_reported() {
    use DependencyKind::{Build, Development, Normal};

    for (package, dependency, kind) in [
        ("m2v-core", "m2v-tokenize", Normal),
        ("m2v-tokenize", "m2v-core", Normal),
        ("m2v-core", "m2v-infer", Normal),
        ("m2v-core", "m2v-infer", Development),
        ("m2v-infer", "m2v-quant", Normal),
        ("m2v-quant", "m2v-onnx", Build),
        ("m2v-hub", "m2v-infer", Normal),
        ("m2v-infer", "m2v-cli", Normal),
        ("m2v-onnx", "m2v-tests", Development),
        ("xtask", "m2v-cli", Normal),
        ("m2v-tests", "xtask", Normal),
        ("somebody-new", "m2v-core", Normal),
        ("m2v-infer", "somebody-new", Normal),
    ] {
        assert!(forbidden(package, dependency, kind).is_some(), "{package} -> {dependency} ({kind})");
    }
    for (package, dependency, kind) in [
        ("m2v-infer", "m2v-core", Normal),
        ("m2v-onnx", "m2v-tokenize", Build),
        ("m2v-core", "m2v-tokenize", Development),
        ("m2v-onnx", "m2v-infer", Development),
        ("m2v-cli", "m2v-hub", Normal),
        ("m2v-tests", "m2v-quant", Development),
    ] {
        assert_eq!(forbidden(package, dependency, kind), None);
    }
}

/// Compile or link C, or generate code at build time.
const NATIVE: [&str; 7] = ["bindgen", "cc", "cmake", "onig", "onig_sys", "openssl-sys", "pkg-config"];

/// The tree of a package, a line each: `package|features`.
fn tree(package: &str, more: &[&str]) -> Result<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}|{f}"])
        .args(["--package", package])
        .args(more)
        .output()?;
    assert!(output.status.success(), "{package}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// The lines of `cargo tree` (`package|features`) that bring C in.
fn native(tree: &str) -> Vec<&str> {
    let brings_c = |line: &&str| {
        let (package, features) = line.split_once('|').unwrap_or((line, ""));
        let name = package.split(' ').next().unwrap_or_default();
        let features = features.split([',', ' ']);
        NATIVE.contains(&name) || name == "esaxx-rs" && features.into_iter().any(|feature| feature == "cpp")
    };
    tree.lines().filter(brings_c).collect()
}

#[test]
fn libraries_need_no_c() -> Result<()> {
    for package in ["m2v-core", "m2v-tokenize", "m2v-infer", "m2v-quant", "m2v-onnx"] {
        let tree = tree(package, &[])?;
        assert!(tree.starts_with(package) && tree.contains('|'), "{tree}");
        assert_eq!(native(&tree), [""; 0], "{package}");
    }
    Ok(())
}

#[test]
fn the_hub_needs_c_for_tls_alone() -> Result<()> {
    let native: Vec<_> = native(&tree("m2v-hub", &[])?).iter().map(|line| name(line).to_owned()).collect();
    assert!(native.iter().all(|name| name == "cc") && !native.is_empty(), "{native:?}");
    // Who needs it, nearest first: `cc` itself, then what it was asked for by.
    let users = tree("m2v-hub", &["--invert", "cc", "--depth", "1"])?;
    let users: Vec<_> = users.lines().map(name).collect();
    assert_eq!(users, ["cc", "ring"]);
    Ok(())
}

#[test]
fn only_the_hub_has_an_http_client() -> Result<()> {
    const CLIENTS: [&str; 6] = ["hyper", "reqwest", "rustls", "tokio", "ureq", "m2v-hub"];
    for package in ["m2v-core", "m2v-tokenize", "m2v-infer", "m2v-quant", "m2v-onnx"] {
        let tree = tree(package, &["--all-features"])?;
        let found: Vec<_> = tree.lines().map(name).filter(|name| CLIENTS.contains(name)).collect();
        assert_eq!(found, [""; 0], "{package}");
    }
    assert!(tree("m2v-hub", &[])?.lines().map(name).any(|name| name == "reqwest"));
    // The command has one, and can do without, and without C.
    assert!(tree("m2v-cli", &[])?.lines().map(name).any(|name| name == "reqwest"));
    let without = tree("m2v-cli", &["--no-default-features"])?;
    assert!(!without.lines().map(name).any(|name| CLIENTS.contains(&name)), "{without}");
    assert_eq!(native(&without), [""; 0]);
    Ok(())
}

/// The name in a line of `cargo tree`.
fn name(line: &str) -> &str {
    line.split([' ', '|']).next().unwrap_or_default()
}

#[test]
fn c_in_a_tree_is_reported() {
    let tree = "m2v-core v0.1.0 (/home/me/m2v)|default,mmap\ncc v1.2.3|parallel\nesaxx-rs v0.1.10|\nccc v1.0.0|\n\
                esaxx-rs v0.1.10|cc,cpp,default (*)\nonig_sys v69.8.1|\nserde_derive v1.0.0 (proc-macro)|cpp";
    assert_eq!(
        native(tree),
        ["cc v1.2.3|parallel", "esaxx-rs v0.1.10|cc,cpp,default (*)", "onig_sys v69.8.1|"]
    );
}
