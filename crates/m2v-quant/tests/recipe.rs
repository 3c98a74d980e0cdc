//! Recipes: what parses, what it prints, and what it does.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use m2v_core::{Checkpoint, Config, Dtype, EmbeddingTable, Tensor};
use m2v_quant::{
    Cast, Context, Error, Int8, Int8Global, KMeans, Prune, Recipe, Step, Steps, Transform, Truncate,
};
use ndarray::array;
use proptest::prelude::*;

const TOKENIZER: &[u8] = br#"{"pre_tokenizer": {"type": "Whitespace"},
    "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "one": 1, "two": 2, "six": 3}}}"#;

fn checkpoint() -> Checkpoint {
    let rows =
        Tensor::from_array(&array![[0f32, 1.0, 2.0], [0.5, -1.0, 4.0], [3.0, 0.0, 9.0], [1.0, 1.0, 1.0]]);
    Checkpoint::new(Config::default(), EmbeddingTable::try_new(rows, None, None).unwrap(), TOKENIZER)
}

fn texts(name: &str) -> Result<Vec<String>, Box<dyn std::error::Error + Send + Sync>> {
    match name {
        "two" => Ok(vec!["two two".to_owned()]),
        "none" => Ok(Vec::new()),
        _ => Err(format!("no texts are called {name}").into()),
    }
}

fn apply(transform: &dyn Transform, checkpoint: Checkpoint) -> Result<Checkpoint, Error> {
    transform.apply(checkpoint, &mut Context::default().with_texts(&texts))
}

#[test]
fn steps_are_applied_in_the_order_they_are_written() {
    for (recipe, steps) in [
        ("dims=2+int8", [&Truncate { dim: 2 } as &dyn Transform, &Int8]),
        ("int8+dims=2", [&Int8, &Truncate { dim: 2 }]),
        ("prune=two+bf16", [&Prune::new("two"), &Cast(Dtype::BF16)]),
        ("prune-used=two+int8", [&Prune::new("two").with_likely(false), &Int8]),
        ("f64+prune=two", [&Cast(Dtype::F64), &Prune::new("two")]),
        ("dims=1+int8=global", [&Truncate { dim: 1 }, &Int8Global]),
        ("clusters=2+int8", [&KMeans::new(2), &Int8]),
        ("clusters=2+prune=two", [&KMeans::new(2), &Prune::new("two")]),
    ] {
        let found = apply(&recipe.parse::<Recipe>().unwrap(), checkpoint()).unwrap();
        let expected = steps.into_iter().fold(checkpoint(), |model, step| apply(step, model).unwrap());
        assert_eq!((&found.table, &found.tokenizer), (&expected.table, &expected.tokenizer), "{recipe}");
        assert_eq!(found.saved_config().get("recipe"), Some(&recipe.into()));
    }
    // The order of these two can be told: the scales of whole rows, or of what is kept of them.
    let weights = |recipe: &str| {
        let model = apply(&recipe.parse::<Recipe>().unwrap(), checkpoint()).unwrap();
        model.table.weights_f32().unwrap().to_vec()
    };
    assert_ne!(weights("dims=2+int8"), weights("int8+dims=2"));
}

#[test]
fn config_json_tells_all_that_was_done() {
    let first = apply(&"dims=2".parse::<Recipe>().unwrap(), checkpoint()).unwrap();
    let second = apply(&"prune=two+f16".parse::<Recipe>().unwrap(), first.clone()).unwrap();
    assert_eq!(second.config.get("recipe"), Some(&"dims=2+prune=two+f16".into()));
    // Of a path, the file.
    let texts = |_: &str| Ok(vec!["a".to_owned()]);
    let mut context = Context::default().with_texts(&texts);
    for (name, recorded) in [
        ("/home/me/two.txt", "two.txt"),
        ("C:\\texts\\two.txt", "two.txt"),
        ("two.txt", "two.txt"),
        // Without the folder it would name no texts.
        ("texts/", "texts/"),
    ] {
        let recipe: Recipe = format!("prune={name}").parse().unwrap();
        let pruned = recipe.apply(first.clone(), &mut context).unwrap();
        assert_eq!(pruned.config.get("recipe"), Some(&format!("dims=2+prune={recorded}").into()));
    }
    let none = apply(&Recipe::default(), first.clone()).unwrap();
    assert_eq!((&none.table, none.config), (&first.table, first.config));
}

#[test]
fn what_is_wrong_is_named() {
    let expectations = [
        ("", "``: expected one of prune, prune-used, clusters, dims, "),
        ("int4", "`int4`: expected one of "),
        ("int8+", "``: expected one of "),
        ("int8 + dims=2", "`int8 `: expected one of "),
        ("INT8", "`INT8`: expected one of "),
        ("dims", "`dims`: expected dims=N, a whole number from 1"),
        ("dims=", "expected dims=N"),
        ("dims=0", "expected dims=N"),
        ("dims=-1", "expected dims=N"),
        ("dims=1.5", "expected dims=N"),
        ("dims=99999999999999999999", "expected dims=N"),
        ("f16=2", "`f16=2`: expected f16 without a value"),
        ("clusters=x", "`clusters=x`: expected clusters=N, a whole number from 1"),
        ("int8+clusters=2", "`clusters=2` after `int8`: clusters of int8 rows are float32 again"),
        ("clusters=3+f16+clusters=2", "`clusters=2` after `clusters=3`"),
        ("int8=rows", "`int8=rows`: expected int8 or int8=global"),
        ("int8=global+int8", "`int8` after `int8=global`"),
        ("int8=global+clusters=2", "make them before"),
        ("prune", "`prune`: expected prune=NAME"),
        ("prune=", "expected prune=NAME"),
        ("prune=50%", "expected % only where two digits follow"),
        ("prune=%2", "expected %"),
        ("prune=%+1", "expected %"),
        ("prune=%zz", "expected %"),
        ("prune=%ff", "expected %"),
        ("int8+f16", "`f16` after `int8`: a table has one number type"),
        ("f16+dims=2+f16", "`f16` after `f16`"),
        ("dims=3+dims=2", "`dims=2` after `dims=3`: a step can be taken once"),
        ("prune=a+int8+prune=b", "`prune=b` after `prune=a`"),
        ("prune=a+prune-used=b", "`prune-used=b` after `prune=a`: a step can be taken once"),
        ("prune-used=a+prune=b", "`prune=b` after `prune-used=a`"),
        ("prune-used", "`prune-used`: expected prune-used=NAME"),
    ];
    for (recipe, part) in expectations {
        let error = recipe.parse::<Recipe>().unwrap_err();
        assert!(error.to_string().contains(part), "{recipe}: {error}");
        assert!(matches!(error, Error::Step { .. } | Error::Order { .. }));
    }
    let error =
        |recipe: &str| apply(&recipe.parse::<Recipe>().unwrap(), checkpoint()).unwrap_err().to_string();
    assert_eq!(error("dims=4"), "dims: expected 1 to 3, the columns of the table, found 4");
    assert_eq!(error("clusters=5"), "clusters: expected 1 to 4, the rows of the table, found 5");
    assert!(error("prune=two+clusters=4").contains("expected 1 to 3"), "fewer rows by then");
    assert_eq!(error("prune=away"), "texts `away`: no texts are called away");
    assert!(error("prune=none").starts_with("texts `none`: no texts; expected "));
    let nameless = Recipe::default().then(Prune::new("")).unwrap_err();
    assert_eq!(nameless.to_string(), "recipe: step `prune=`: expected prune=NAME of the texts");
    let result = Prune::new("two").apply(checkpoint(), &mut Context::default());
    assert!(result.unwrap_err().to_string().contains("with_texts"));
}

/// Does nothing, and knows what it was made of.
#[derive(Debug)]
struct Mark(String);

impl Transform for Mark {
    fn apply(&self, mut checkpoint: Checkpoint, _: &mut Context<'_>) -> Result<Checkpoint, Error> {
        checkpoint.config.set("mark", Some(self.0.as_str().into()));
        Ok(checkpoint)
    }
}

#[test]
fn steps_of_others_join_by_name() {
    let mark = |value: Option<&str>| match value {
        Some("") => Err("mark=SOMETHING".to_owned()),
        value => Ok(Mark(value.unwrap_or("nothing").to_owned())),
    };
    let steps = Steps::default().with("mark", mark).unwrap();
    for (text, expected) in [("mark", "nothing"), ("dims=2+mark=a%2Bb%25=c", "a+b%=c")] {
        let recipe = steps.parse(text).unwrap();
        assert_eq!(recipe.to_string(), text);
        let model = apply(&recipe, checkpoint()).unwrap();
        assert_eq!(model.config.get("mark"), Some(&expected.into()));
        assert_eq!(model.config.get("recipe"), Some(&text.into()));
        assert!(text.parse::<Recipe>().is_err(), "unknown without the registry");
    }
    // Without a text: the same recipe.
    let step = Step::new("mark", Some("a+b%=c"), Mark("a+b%=c".to_owned())).unwrap();
    let built = Recipe::default().then(Truncate { dim: 2 }).unwrap().then(step).unwrap();
    assert_eq!(built, steps.parse("dims=2+mark=a%2Bb%25=c").unwrap());
    let error = |text: &str| steps.parse(text).unwrap_err().to_string();
    assert_eq!(error("mark="), "recipe: step `mark=`: expected mark=SOMETHING");
    assert!(error("marc").ends_with(", mark"), "{}", error("marc"));
    for name in ["int8", "dims", "prune", "prune-used", "", "Mark", "a b", "a+b", "a=b", "é"] {
        assert!(matches!(Steps::default().with(name, mark), Err(Error::Step { .. })), "{name}");
        assert!(matches!(Step::new(name, None, Mark(String::new())), Err(Error::Step { .. })), "{name}");
    }
}

fn any_recipe() -> impl Strategy<Value = Recipe> {
    let dtype = prop::sample::select(vec![
        None,
        Some("f64"),
        Some("f32"),
        Some("f16"),
        Some("bf16"),
        Some("int8"),
        Some("global"),
    ]);
    let number = || prop::option::of(1..=usize::MAX);
    let optional = (prop::option::of(("(?s).{1,9}", any::<bool>())), number(), number(), dtype);
    optional.prop_flat_map(|(prune, clusters, dims, dtype)| {
        let mut steps: Vec<Step> = Vec::new();
        steps.extend(prune.map(|(texts, likely)| Prune::new(texts).with_likely(likely).into()));
        // Not together with int8, of which the one or the other order is refused.
        steps.extend(clusters.filter(|_| !matches!(dtype, Some("int8" | "global"))).map(Step::clusters));
        steps.extend(dims.map(|dim| Truncate { dim }.into()));
        steps.extend(dtype.map(|dtype| match dtype {
            "f64" => Cast(Dtype::F64).into(),
            "f32" => Cast(Dtype::F32).into(),
            "f16" => Cast(Dtype::F16).into(),
            "bf16" => Cast(Dtype::BF16).into(),
            "global" => Int8Global.into(),
            _ => Int8.into(),
        }));
        Just(steps).prop_shuffle().prop_map(|steps| {
            steps.into_iter().fold(Recipe::default(), |recipe, step| recipe.then(step).unwrap())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_recipe_prints_as_it_parses(recipe in any_recipe()) {
        let text = recipe.to_string();
        if recipe.steps().is_empty() {
            prop_assert_eq!(text, "");
            return Ok(());
        }
        let parsed: Recipe = text.parse().unwrap();
        prop_assert_eq!(&parsed, &recipe);
        prop_assert_eq!(parsed.to_string(), text);
    }

    #[test]
    fn any_text_is_a_recipe_or_an_error(text in "(dims=|prune=|prune-used=|int8|f16|clusters=|[+=%0-9a-f]|.){0,6}") {
        if let Ok(recipe) = text.parse::<Recipe>() {
            prop_assert_eq!(recipe.to_string().parse::<Recipe>().unwrap(), recipe);
        }
    }
}
