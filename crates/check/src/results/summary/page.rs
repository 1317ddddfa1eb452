//! A summary as a page and as a picture, each complete in one file.

use std::fmt::Write as _;

use mail_domain::DomainName;

use super::Summary;
use super::text::per_cent;
use crate::escaped::escaped;

/// Widths and heights in pixels.
const WIDTH: u32 = 720;
const ROW: u32 = 26;
const LABEL: u32 = 120;
const NUMBER: u32 = 120;

/// Colours with a contrast of 4.5 and more (WCAG 2.1 §1.4.3), by light and by dark.
const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1b1b1b;--quiet:#5c5c5c;--paper:#fff;--line:#d8d8d8}
@media(prefers-color-scheme:dark){:root{--text:#ececec;--quiet:#a8a8a8;--paper:#161616;--line:#3a3a3a}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--paper);max-width:60rem;margin:2rem auto;padding:0 1rem}
svg{max-width:100%;height:auto}
table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:600;padding:.8rem 0 .3rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line)}
th[scope=row]{font-weight:400}.number{text-align:right}.quiet{color:var(--quiet)}.scroll{overflow-x:auto}
";

impl Summary {
    /// A bar for each verdict, as SVG. It needs nothing beside it and follows no link.
    pub fn to_svg(&self) -> String {
        let rows = self.verdicts_by_weight();
        let height = ROW * u32::try_from(rows.len()).unwrap_or_default() + 8;
        let said: Vec<String> =
            rows.iter().map(|(word, count)| format!("{word} {count}")).collect();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" role=\"img\" aria-label=\"{} domains: {}\">\n\
             <style>text{{font:14px system-ui,sans-serif;fill:#444}}rect{{fill:#2a6f97}}\
             @media(prefers-color-scheme:dark){{text{{fill:#ddd}}rect{{fill:#7ab8d9}}}}</style>\n",
            self.domains,
            said.join(", ")
        );
        let mut top = 4;
        for (word, count) in rows {
            let whole = u64::from(WIDTH - LABEL - NUMBER);
            // At least a pixel: what is there is seen.
            let bar = (count * whole).checked_div(self.domains).unwrap_or_default().max(1);
            let (base, number) = (top + 15, u64::from(LABEL) + bar + 8);
            let share = per_cent(count, self.domains);
            // Writing to a string can't fail.
            writeln!(
                svg,
                "<text x=\"0\" y=\"{base}\">{word}</text>\
                 <rect x=\"{LABEL}\" y=\"{top}\" width=\"{bar}\" height=\"20\" rx=\"2\"/>\
                 <text x=\"{number}\" y=\"{base}\">{count} ({share} %)</text>"
            )
            .ok();
            top += ROW;
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// The whole as a page of HTML. It needs nothing beside it, runs no script and asks no server.
    pub fn to_html(&self) -> String {
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>MTA-STS, DANE and TLS-RPT of {0} domains</title>\n<style>\n{STYLE}</style></head>\n<body>\n\
             <h1>MTA-STS, DANE and TLS-RPT of {0} domains</h1>\n",
            self.domains
        );
        if let Some((first, last)) = self.observed {
            writeln!(page, "<p class=\"quiet\">Seen from {first:.0} to {last:.0}.</p>").ok();
        }
        page.push_str(&self.to_svg());
        page.push_str("<table><caption>Of these</caption><tbody>\n");
        let modes =
            self.modes.iter().map(|(mode, count)| (format!("policy in mode {mode}"), *count));
        let others = [
            ("TLSA records at an MX".to_owned(), self.dane),
            ("ask for TLS reports".to_owned(), self.ask_for_reports),
        ];
        for (word, count) in modes.chain(others) {
            let (word, share) = (escaped(&word), per_cent(count, self.domains));
            writeln!(
                page,
                "<tr><th scope=\"row\">{word}</th><td class=\"number\">{count}</td>\
                 <td class=\"number\">{share} %</td></tr>"
            )
            .ok();
        }
        page.push_str("</tbody></table>\n");
        self.rules_table(&mut page);
        self.worst_table(&mut page);
        page.push_str("</body></html>\n");
        page
    }

    fn rules_table(&self, page: &mut String) {
        if self.rules.is_empty() {
            page.push_str("<p>No rule found anything.</p>\n");
            return;
        }
        let head = [("Domains", true), ("Severity", false), ("Rule", false), ("Finding", false)];
        begin_table(page, "Findings", head.into_iter().chain([("For example", false)]));
        for (code, sum) in self.rules_by_weight() {
            let examples: Vec<&str> = sum.examples.iter().map(DomainName::as_str).collect();
            writeln!(
                page,
                "<tr><td class=\"number\">{}</td><td>{}</td><td>{}</td><td>{}</td>\
                 <td class=\"quiet\">{}</td></tr>",
                sum.domains,
                sum.severity.as_str(),
                escaped(code),
                escaped(&sum.title),
                examples.join(", ")
            )
            .ok();
        }
        page.push_str("</tbody></table></div>\n");
    }

    fn worst_table(&self, page: &mut String) {
        if self.worst.is_empty() {
            return;
        }
        let head = [("Domain", false), ("Verdict", false), ("Errors", true), ("Warnings", true)];
        begin_table(page, "The worst", head.into_iter().chain([("Rules", false)]));
        for worst in &self.worst {
            let codes: Vec<String> = worst.codes.iter().map(|code| escaped(code)).collect();
            writeln!(
                page,
                "<tr><td>{}</td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
                 <td>{}</td></tr>",
                worst.domain,
                worst.verdict,
                worst.errors,
                worst.warnings,
                codes.join(" ")
            )
            .ok();
        }
        page.push_str("</tbody></table></div>\n");
    }
}

/// A table with a caption and a head: each column's title, and whether it holds numbers.
fn begin_table<'a>(
    page: &mut String,
    caption: &str,
    columns: impl Iterator<Item = (&'a str, bool)>,
) {
    write!(page, "<div class=\"scroll\"><table><caption>{caption}</caption><thead><tr>").ok();
    for (title, is_number) in columns {
        let class = if is_number { " class=\"number\"" } else { "" };
        write!(page, "<th scope=\"col\"{class}>{title}</th>").ok();
    }
    page.push_str("</tr></thead><tbody>\n");
}
