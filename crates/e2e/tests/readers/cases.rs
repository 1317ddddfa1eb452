//! What is read: the policies of the field, the lab's records and policies, and odd ones.

use std::collections::HashSet;
use std::path::Path;

use sealpost_lab::Lab;

/// One thing to be read.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) text: Text,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Text {
    /// All TXT records at a name.
    Records(Vec<Vec<u8>>),
    /// The body of a policy.
    Policy(Vec<u8>),
}

/// Records that somebody might publish. Several at one name stand one beside the other.
const RECORDS: [&[&str]; 31] = [
    &["v=STSv1; id=1;"],
    &["v=STSv1; id=1"],
    &["v=STSv1;id=1"],
    &["v=STSv1 ; id=1"],
    &["v=STSv1\t; id=1"],
    &["v=STSv1; id=1; "],
    &["v=STSv1; id=1 "],
    &[" v=STSv1; id=1"],
    &["v=STSv1; id=1;;"],
    &["v=STSv1;; id=1"],
    &["v=STSv1; id =1"],
    &["v=STSv1; id= 1"],
    &["v=STSv1; id=not-alphanumeric"],
    &["v=STSv1; id=123456789012345678901234567890123"],
    &["v=STSv1; id="],
    &["v=STSv1; id"],
    &["v=STSv1;"],
    &["v=STSv1"],
    &["V=STSv1; id=1"],
    &["v=stsv1; id=1"],
    &["v=STSv1; ID=1"],
    &["id=1; v=STSv1"],
    &["v=STSv1; id=1; id=2"],
    &["v=STSv1; a=b; id=1"],
    &["v=STSv1; id=1; a=b c"],
    &["v=STSv1; id=1, a=b"],
    &["\"v=STSv1; id=1\""],
    &["v=STSv1; id=1", "v=STSv1; id=2"],
    &["v=STSv1; id=1", "something else"],
    &["v=STSv1; id=1", "v=STSv12; id=2"],
    &["v=STSv1 ; id=1", "v=STSv1; id=2"],
];

/// Policies that somebody might publish.
const POLICIES: [&str; 40] = [
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n",
    "version: STSv1\r\nmode: enforce\r\nmx: a.example\r\nmax_age: 86400\r\n",
    "version: STSv1\nmode: enforce\r\nmx: a.example\nmax_age: 86400",
    "version: STSv1\rmode: enforce\rmx: a.example\rmax_age: 86400\r",
    "version: STSv1\r\r\nmode: enforce\nmx: a.example\nmax_age: 86400\n",
    "version: STSv1\n\nmode: enforce\nmx: a.example\nmax_age: 86400\n",
    "\nversion: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n\n",
    "\u{feff}version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n",
    " version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n",
    "version : STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n",
    "version:STSv1\nmode:enforce\nmx:a.example\nmax_age:86400\n",
    "version: STSv1 \nmode: enforce\t\nmx: a.example\nmax_age: 86400 \n",
    "version=STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n",
    "mode: enforce\nversion: STSv1\nmx: a.example\nmax_age: 86400\n",
    "Version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n",
    "version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 86400\n",
    "version: stsv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86399\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 0\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 31557600\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 31557601\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 99999999999\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 0000086400\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: +86_400\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400; a day\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400 # a day\n",
    "version: STSv1\nmode: testing\nmode: enforce\nmx: a.example\nmax_age: 86400\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\nmax_age: 1\n",
    "version: STSv1\nmode: none\nmax_age: 86400\n",
    "version: STSv1\nmode: none\nmx: a.example\nmax_age: 86400\n",
    "version: STSv1\nmode: testing\nmax_age: 86400\n",
    "version: STSv1\nmode: enforce\nmx: a.example, b.example\nmax_age: 86400\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmx: not a host\nmax_age: 86400\n",
    "version: STSv1\nmode: enforce\nmx: *\nmax_age: 86400\n",
    "version: STSv1\nmode: enforce\nmx: *.*.example\nmax_age: 86400\n",
    "version: STSv1\nmode: enforce\nmx: b\u{fc}cher.example\nmax_age: 86400\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\nother: \u{fc}\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n# a comment\n",
    "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\nother: a\tb\n",
];

/// All cases, each text once.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for texts in RECORDS {
        let records = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        cases.push(Case { name: format!("records {texts:?}"), text: Text::Records(records) });
    }
    for text in POLICIES {
        let text_of = Text::Policy(text.as_bytes().to_vec());
        cases.push(Case { name: format!("policy {text:?}"), text: text_of });
    }
    field("", &mut cases);
    field("public", &mut cases);
    for domain in Lab::fleet() {
        let name = domain.name;
        let records = domain.sts_texts();
        if !records.is_empty() {
            cases.push(Case { name: format!("lab records {name}"), text: Text::Records(records) });
        }
        let body = Text::Policy(domain.policy_body());
        cases.push(Case { name: format!("lab policy {name}"), text: body });
    }
    let mut seen = HashSet::new();
    cases.retain(|case| seen.insert(case.shape()));
    cases
}

/// The policies that people publish, as the crate that reads them has them.
fn field(folder: &str, cases: &mut Vec<Case>) {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mta-sts/tests/field/policies");
    let mut files: Vec<_> = fs_err::read_dir(all.join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let folder = if folder.is_empty() { "field" } else { folder };
        let body = fs_err::read(&file).unwrap();
        cases.push(Case { name: format!("{folder} {name}"), text: Text::Policy(body) });
    }
}

impl Case {
    /// The text with the lab's domain names alike, which make no difference.
    fn shape(&self) -> Text {
        let Some(domain) = self
            .name
            .strip_prefix("lab ")
            .and_then(|name| name.split_once(' '))
            .map(|(_, name)| name)
        else {
            return match &self.text {
                Text::Records(records) => Text::Records(records.clone()),
                Text::Policy(body) => Text::Policy(body.clone()),
            };
        };
        let alike = |text: &[u8]| match std::str::from_utf8(text) {
            Ok(text) => text.replace(domain, "{domain}").into_bytes(),
            Err(_) => text.to_vec(),
        };
        match &self.text {
            Text::Records(records) => {
                Text::Records(records.iter().map(|text| alike(text)).collect())
            }
            Text::Policy(body) => Text::Policy(alike(body)),
        }
    }
}
