//! Where in a report the reader stands.

/// A place in a JSON text, as a chain from the inside out. It lives on the stack and costs nothing
/// until a repair wants it as text.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    up: Option<&'p Self>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Key(&'p str),
    Index(usize),
}

/// A longer key is cut in a pointer, in octets. Every known key is far shorter.
const LONGEST_KEY: usize = 200;

impl<'p> Place<'p> {
    pub(super) const ROOT: Place<'static> = Place { up: None, step: Step::Root };

    pub(super) fn key<'c>(&'c self, key: &'c str) -> Place<'c> {
        Place { up: Some(self), step: Step::Key(key) }
    }

    pub(super) fn index(&self, index: usize) -> Place<'_> {
        Place { up: Some(self), step: Step::Index(index) }
    }

    /// The JSON pointer (RFC 6901).
    pub(super) fn pointer(&self) -> String {
        let mut pointer = String::new();
        self.write(&mut pointer);
        pointer
    }

    fn write(&self, pointer: &mut String) {
        // Places are at most as deep as the reader descends: a handful of steps.
        if let Some(up) = self.up {
            up.write(pointer);
        }
        match self.step {
            Step::Root => {}
            Step::Index(index) => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
            Step::Key(key) => {
                pointer.push('/');
                let end = key.floor_char_boundary(LONGEST_KEY);
                for character in key.get(..end).unwrap_or_default().chars() {
                    match character {
                        '~' => pointer.push_str("~0"),
                        '/' => pointer.push_str("~1"),
                        other => pointer.push(other),
                    }
                }
            }
        }
    }
}
