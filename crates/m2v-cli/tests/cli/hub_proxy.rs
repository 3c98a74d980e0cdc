//! Models on a hub behind a proxy.

use crate::hub::{Setup, expected};
use crate::server::{Answer, Fault, Proxy, Server};

const ID: &str = "acme/tiny";

#[test]
fn requests_go_through_the_proxy_that_is_set() {
    let proxy = Proxy::start().unwrap();
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        let setup = Setup::new().with_model(ID);
        let run = setup.run([&"encode", &ID], &[(name, &proxy.address())]).ok();
        assert_eq!(run.stdout, expected());
        let (asked, served) = (proxy.take_requests(), setup.server.take_requests());
        assert!(!served.is_empty() && asked.len() == served.len(), "{name}: {asked:?}");
        // Large files are on another host, to which the hub redirects.
        assert!(asked.iter().any(|request| request.target.starts_with("http://localhost")), "{asked:?}");
        // With the cache there is nothing to ask.
        setup.run([&"encode", &ID], &[(name, "http://127.0.0.1:9")]).ok();
    }
    let setup = Setup::new().with_model(ID);
    setup.run([&"encode", &ID], &[("https_proxy", &proxy.address()), ("HTTP_PROXY", "")]).ok();
    assert!(proxy.take_requests().is_empty(), "the hub is one of http");
}

#[test]
fn hosts_of_no_proxy_are_asked_themselves() {
    let proxy = Proxy::start().unwrap();
    for (name, hosts, expected) in [
        ("no_proxy", "127.0.0.1, localhost", &[][..]),
        ("NO_PROXY", "*", &[]),
        ("NO_PROXY", "example.org,127.0.0.0/8", &["localhost"]),
    ] {
        let setup = Setup::new().with_model(ID);
        let variables = [("http_proxy", &*proxy.address()), (name, hosts)];
        setup.run([&"encode", &ID], &variables).ok();
        let asked = proxy.take_requests();
        let hosts: Vec<_> = asked.iter().map(|request| request.host()).collect();
        assert_eq!(hosts, expected, "{hosts:?}");
        assert!(!setup.server.take_requests().is_empty());
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_named_and_its_password_is_not() {
    let setup = Setup::new().with_model(ID);
    let run = |variable: (&str, &str), parts: &[&str]| {
        let run = setup.run([&"encode", &ID], &[variable]).failed(1, parts);
        assert!(!run.stderr.contains("opensesame"), "{}", run.stderr);
    };
    for (name, value) in [
        ("http_proxy", "http://me:opensesame@"),
        ("HTTP_PROXY", "socks5://me:opensesame@127.0.0.1:1080"),
        ("https_proxy", "ftp://me:opensesame@127.0.0.1"),
        ("ALL_PROXY", "http://me:opensesame@["),
    ] {
        run((name, value), &["expected the address of a proxy", &format!("look at {name};"), "--offline"]);
    }
    assert!(setup.server.take_requests().is_empty());
    let refusing = Server::start().unwrap();
    refusing.fault("*", "http://", Fault::Answer(Answer::new(407)));
    let address = refusing.endpoint().replace("//", "//me:opensesame@");
    run(("http_proxy", &address), &["407", "http_proxy", "USER:PASSWORD@"]);
    run(("http_proxy", "http://me:opensesame@127.0.0.1:9"), &["https_proxy"]);

    // Where nothing is asked, nothing is wrong.
    setup.run([&"encode", &ID], &[]).ok();
    setup.run([&"encode", &ID], &[("ALL_PROXY", "socks5://127.0.0.1:1080")]).ok();
    let offline = [("HF_HUB_OFFLINE", "1"), ("ALL_PROXY", "socks5://127.0.0.1:1080")];
    setup.run([&"encode", &ID], &offline).ok();
    setup.run([&"inspect", &crate::support::shipped()], &offline[1..]).ok();
}
