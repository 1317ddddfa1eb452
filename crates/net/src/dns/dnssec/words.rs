//! The words of a file of trust anchors.

/// One word; a quoted one without its quotation marks and white space.
pub(super) type Word = String;

/// The records of a zone file: a line each, or as many as its parentheses hold. A semicolon begins
/// a comment.
pub(super) fn zone_lines(text: &str) -> Vec<Vec<Word>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        let line = line.split(';').next().unwrap_or_default();
        // A directive says nothing that a record with an absolute name needs.
        if line.trim_start().starts_with(['$', '#']) {
            continue;
        }
        for word in line.replace('(', " ( ").replace(')', " ) ").split_ascii_whitespace() {
            match word {
                "(" => is_open = true,
                ")" => is_open = false,
                word => record.push(word.to_owned()),
            }
        }
        if !is_open && !record.is_empty() {
            records.push(std::mem::take(&mut record));
        }
    }
    if !record.is_empty() {
        records.push(record);
    }
    records
}

/// The entries between braces of a file as BIND takes it: each ends with a semicolon. `//` and `#`
/// begin a comment, except in a quoted word.
pub(super) fn statements(text: &str) -> Vec<Vec<Word>> {
    let mut entries = Vec::new();
    let mut entry: Vec<Word> = Vec::new();
    let mut word = String::new();
    let mut is_quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_comment = match character {
            '#' => true,
            '/' => characters.peek() == Some(&'/'),
            _ => false,
        };
        if is_comment && !is_quoted {
            while characters.next_if(|character| *character != '\n').is_some() {}
            continue;
        }
        match character {
            '"' => is_quoted = !is_quoted,
            character if is_quoted && character.is_whitespace() => {}
            '{' | '}' | ';' if !is_quoted => {
                take_word(&mut word, &mut entry);
                match character {
                    // What stands before is the name of the statement.
                    '{' => entry.clear(),
                    _ if entry.is_empty() => {}
                    _ => entries.push(std::mem::take(&mut entry)),
                }
            }
            character if !is_quoted && character.is_whitespace() => {
                take_word(&mut word, &mut entry)
            }
            character => word.push(character),
        }
    }
    entries
}

fn take_word(word: &mut String, entry: &mut Vec<Word>) {
    if !word.is_empty() {
        entry.push(std::mem::take(word));
    }
}
