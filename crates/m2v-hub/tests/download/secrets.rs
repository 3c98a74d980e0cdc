//! The token goes to the endpoint, and nowhere else.

use std::fs;

use m2v_hub::{Error, Hub};

use crate::server::{Answer, Fault};
use crate::{ID, World, content, error_of, table, walk};

const TOKEN: &str = "hf_topSecretTopSecret";

fn world() -> (World, Hub) {
    let world = World::new();
    world.server.store().token(TOKEN, "me", false);
    world.server.store().repos.get_mut(ID).unwrap().private = true;
    let hub = world.builder().token(TOKEN).build().unwrap();
    (world, hub)
}

#[test]
fn it_goes_to_the_endpoint_alone() {
    let (world, hub) = world();
    assert_eq!(content(&hub.model(ID).unwrap(), "model.safetensors"), table());
    let requests = world.server.requests();
    let (hub, others): (Vec<_>, Vec<_>) = requests.iter().partition(|request| request.host() == "127.0.0.1");
    assert!(hub.len() == 3 && hub.iter().all(|request| request.token() == Some(TOKEN)));
    assert!(others.len() == 1 && others[0].header("authorization").is_none(), "{others:?}");
    // Another port of the same host is another server.
    let other = crate::server::Server::start().unwrap();
    let to = Answer::new(302).header("Location", format!("{}/x", other.endpoint()));
    world.server.fault("*", "/resolve/", Fault::Answer(to));
    let repo = world.builder().token(TOKEN).build().unwrap().model(ID).unwrap();
    error_of(&repo, "config.json");
    assert!(other.requests().len() == 1 && other.requests()[0].header("authorization").is_none());
}

#[test]
fn it_is_shown_nowhere() {
    let (world, hub) = world();
    let mut shown = vec![format!("{hub:?}"), format!("{:#?}", hub.model(ID).unwrap())];
    shown.push(format!("{:?}", world.builder().token(TOKEN)));
    let said = format!("token {TOKEN} is not welcome");
    let to = |location: &str| Fault::Answer(Answer::new(302).header("Location", location));
    for fault in [
        Fault::Answer(Answer::error(403, &said)),
        Fault::Answer(Answer::json(400, &serde_json::json!({"error": said}))),
        Fault::Answer(Answer::error(500, &said)),
        to(&format!("http://me:{TOKEN}@localhost:1/x?Signature={TOKEN}")),
        to(&format!("ftp://me:{TOKEN}@localhost:1/x?Signature={TOKEN}")),
        to(&format!("http://localhost:1/{TOKEN}")),
        Fault::Header("X-Repo-Commit", TOKEN.to_owned()),
        Fault::Hangup,
        Fault::Cut(3),
        Fault::WrongBytes,
    ] {
        world.server.faults("*", "/resolve/", 9, fault);
        let error = error_of(&hub.model(ID).unwrap(), "config.json");
        shown.push(format!("{error} {error:?}"));
        shown.push(std::io::Error::from(error).to_string());
        world.server.heal();
    }
    for (part, said) in [
        ("/revision/", serde_json::json!({"sha": TOKEN})),
        ("/revision/", serde_json::json!({"sha": [TOKEN]})),
        ("/tree/", serde_json::json!([{"type": "file", "path": "config.json", "oid": TOKEN}])),
        ("/tree/", serde_json::json!(TOKEN)),
    ] {
        world.server.fault("*", part, Fault::Answer(Answer::json(200, &said)));
        let error = error_of(&hub.model(ID).unwrap().refresh(), "config.json");
        assert!(matches!(error, Error::Answer { .. }), "{error:?}");
        shown.push(format!("{error} {error:?}"));
        world.server.heal();
    }
    for text in &shown {
        assert!(!text.contains(TOKEN) && !text.contains("topSecret"), "{text}");
    }
    content(&hub.model(ID).unwrap(), "model.safetensors");
    for file in walk(world.folder.path()) {
        let bytes = fs::read(world.folder.path().join(&file)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(TOKEN), "{file}");
    }
    let error = world.builder().token(format!("{TOKEN}\n{TOKEN}")).build().unwrap_err();
    assert!(!format!("{error} {error:?}").contains(TOKEN));
}

#[test]
fn without_it_private_models_are_not_there() {
    let (world, _) = world();
    let error = error_of(&world.repo(), "config.json");
    assert!(matches!(error, Error::NoRepository { .. }), "{error:?}");
    let wrong = world.builder().token("hf_wrong").build().unwrap().model(ID).unwrap();
    let error = error_of(&wrong, "config.json");
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    world.server.store().repos.get_mut(ID).unwrap().gated = true;
    let gated = world.builder().token(TOKEN).build().unwrap().model(ID).unwrap();
    let error = error_of(&gated, "config.json");
    assert!(matches!(error, Error::Forbidden { gated: true, .. }), "{error:?}");
    assert!(error.to_string().contains("access"), "{error}");
    assert!(world.files().is_empty());
}
