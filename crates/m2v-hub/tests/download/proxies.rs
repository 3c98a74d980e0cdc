//! Who is asked in place of the hub, and when the hub itself is.

use m2v_hub::{Error, HubBuilder};

use crate::server::{Answer, Fault, Proxy, Request, Server};
use crate::{CONFIG, ID, World, content, error_of, table};

/// Hosts that a proxy was asked for.
fn hosts(requests: &[Request]) -> Vec<&str> {
    let mut hosts: Vec<_> = requests.iter().map(Request::host).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

#[test]
fn all_requests_go_through_it_those_of_redirects_too() {
    type Set = fn(HubBuilder, String) -> HubBuilder;
    let proxy = Proxy::start().unwrap();
    let both: [Set; 2] = [|hub, url| hub.proxy(url), |hub, url| hub.http_proxy(url)];
    for set in both {
        let world = World::new();
        let hub = set(world.builder(), format!("http://me:hf_pass@{}", proxy.address())).build().unwrap();
        assert_eq!(content(&hub.model(ID).unwrap(), "model.safetensors"), table());
        let asked = proxy.take_requests();
        assert_eq!(asked.len(), world.server.take_requests().len());
        assert!(asked.iter().all(|request| request.target.starts_with("http://")), "{asked:?}");
        // The host that has the large files is another one.
        assert_eq!(hosts(&asked), ["127.0.0.1", "localhost"]);
        let basic = Some("Basic bWU6aGZfcGFzcw==");
        assert!(asked.iter().all(|request| request.header("proxy-authorization") == basic), "{asked:?}");
        assert!(!format!("{hub:?} {:?}", set(world.builder(), "hf_pass".to_owned())).contains("hf_pass"));
    }
}

#[test]
fn some_hosts_are_asked_without_it() {
    let proxy = Proxy::start().unwrap();
    for (except, expected) in [
        ("127.0.0.1", &["localhost"][..]),
        ("example.org, 127.0.0.0/8", &["localhost"]),
        ("example.org localhost", &["127.0.0.1"]),
        ("*", &[]),
        ("localhost,127.0.0.1", &[]),
        ("", &["127.0.0.1", "localhost"]),
    ] {
        let world = World::new();
        let hub = world.builder().proxy(proxy.address()).no_proxy(except).build().unwrap();
        assert_eq!(content(&hub.model(ID).unwrap(), "model.safetensors"), table());
        assert_eq!(hosts(&proxy.take_requests()), expected, "{except}");
    }
}

#[test]
fn each_scheme_has_its_own() {
    let (world, proxy) = (World::new(), Proxy::start().unwrap());
    let hub = world.builder().https_proxy(proxy.address()).build().unwrap();
    assert_eq!(content(&hub.model(ID).unwrap(), "config.json"), CONFIG);
    assert!(proxy.take_requests().is_empty());

    // To an address of https it is asked for a tunnel, which this one does not make.
    let (plain, tunnel) = (Proxy::start().unwrap(), Server::start().unwrap());
    tunnel.fault("CONNECT", "hub.example:443", Fault::Answer(Answer::new(407)));
    let hub = world.builder().endpoint("https://hub.example").token("hf_secret");
    let at = tunnel.endpoint().replace("//", "//me:hf_pass@");
    let hub = hub.proxy(plain.address()).https_proxy(at).build().unwrap();
    let error = error_of(&hub.model("org/other").unwrap(), "config.json");
    assert!(matches!(error, Error::Connection { .. }), "{error:?}");
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("proxy") && !shown.contains("hf_"), "{shown}");
    let asked = tunnel.take_requests();
    assert!(asked.len() == 1 && asked[0].method == "CONNECT" && asked[0].token().is_none(), "{asked:?}");
    assert!(plain.take_requests().is_empty());
}

#[test]
fn one_that_is_not_there_or_refuses_is_an_error_without_its_password() {
    let (world, refusing) = (World::new(), Server::start().unwrap());
    refusing.fault("*", "http://", Fault::Answer(Answer::new(407)));
    for (address, expected) in [(refusing.endpoint(), "407"), ("http://127.0.0.1:9".to_owned(), "connect")] {
        let hub = world.builder().proxy(address.replace("//", "//me:hf_pass@")).build().unwrap();
        let error = error_of(&hub.model(ID).unwrap(), "config.json");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(expected) && !shown.contains("hf_pass"), "{shown}");
    }
    let refused = |hub: HubBuilder| hub.build().unwrap_err();
    for (error, expected) in [
        (refused(world.builder().proxy("socks5://me:hf_pass@127.0.0.1")), "proxy"),
        (refused(world.builder().http_proxy("http://me:hf_pass@")), "http_proxy"),
        (refused(world.builder().https_proxy("")), "https_proxy"),
    ] {
        assert!(matches!(&error, Error::Setting { setting, .. } if *setting == expected), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hf_pass"), "{error:?}");
    }
    assert!(world.server.take_requests().is_empty());
}
