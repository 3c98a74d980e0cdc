//! Sources and sinks behind a reference or in a box: one that is chosen at run time goes wherever any may.

use std::io::{self, Write};
use std::sync::Arc;

use super::{Sink, Source};
use crate::buffer::Buffer;

macro_rules! source {
    ($($shared:ty),*) => {$(
        impl<T: Source + ?Sized> Source for $shared {
            fn read(&self, name: &str) -> io::Result<Option<Buffer>> {
                (**self).read(name)
            }

            fn is_at_hand(&self, name: &str) -> bool {
                (**self).is_at_hand(name)
            }

            fn locate(&self, name: &str) -> String {
                (**self).locate(name)
            }
        }
    )*};
}

source! { &T, Box<T>, Arc<T> }

macro_rules! sink {
    ($($owned:ty),*) => {$(
        impl<T: Sink + ?Sized> Sink for $owned {
            fn write(
                &mut self,
                name: &str,
                len: u64,
                body: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
            ) -> io::Result<()> {
                (**self).write(name, len, body)
            }

            fn finish(&mut self) -> io::Result<()> {
                (**self).finish()
            }

            fn write_bytes(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
                (**self).write_bytes(name, bytes)
            }
        }
    )*};
}

sink! { &mut T, Box<T> }
