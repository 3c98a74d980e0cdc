//! The hub of the tests, for clients in other languages: an empty one, on a port of loopback.
//!
//! ```sh
//! cargo run -p m2v-hub --example loopback -- TOKEN
//! ```
//!
//! Prints its address, knows the user `acme`, who has the token and may write, and runs until standard input ends.

#[path = "../tests/server/mod.rs"]
mod server;

use std::io::{self, Read, Write};

fn main() -> io::Result<()> {
    let token = std::env::args().nth(1).ok_or_else(|| io::Error::other("expected a TOKEN"))?;
    let server = server::Server::start()?;
    server.store().token(&token, "acme", true);
    writeln!(io::stdout(), "{}", server.endpoint())?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
