//! The page about all metrics.

use super::{Definition, Kind, exposition::Seconds, histogram::BOUNDS};

/// The reference page in Markdown: a heading for each part of the program, with its metrics.
pub fn reference_page(parts: &[(&str, &[Definition])]) -> String {
    let bounds: Vec<String> = BOUNDS.iter().map(|bound| Seconds(*bound).to_string()).collect();
    let mut page = format!(
        "# Metrics\n\n\
         <!-- Made by `sealpost metrics`; change the tables in the sources, not this page. -->\n\n\
         In the text format of Prometheus, version 0.0.4. Every series is there from the start,\n\
         and what counts begins at 0. Values of labels are never taken from what a stranger sends, so\n\
         their number does not grow.\n\n\
         A histogram has the buckets {} and `+Inf`, in seconds.\n",
        bounds.join(", ")
    );
    for (title, definitions) in parts {
        page.push_str(&format!(
            "\n## {title}\n\n| metric | kind | label | says |\n|---|---|---|---|\n"
        ));
        for definition in *definitions {
            page.push_str(&row(definition));
        }
    }
    page
}

fn row(definition: &Definition) -> String {
    let Definition { name, kind, help, label } = definition;
    let label = match label {
        None => String::new(),
        Some((name, [])) => format!("`{name}`"),
        Some((name, values)) => {
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            format!("`{name}`: {}", values.join(", "))
        }
    };
    let endings = match kind {
        Kind::Histogram => " (`_bucket`, `_sum`, `_count`)",
        Kind::Counter | Kind::Gauge => "",
    };
    let help = help.replace('|', "\\|");
    format!("| `{name}`{endings} | {kind} | {label} | {help} |\n")
}
