//! Asking validators that are not ours.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use sealpost_e2e::{Answers, Environment, Question, delv_answer};

/// What Unbound says of each question, in the words of the table.
pub(crate) fn unbound(environment: &Environment, questions: &[Question]) -> Answers {
    let checked = ask(environment, questions, "+nocdflag");
    let unchecked = ask(environment, questions, "+cdflag");
    let words = |question: &Question| {
        let (answer, without_checking) = (checked.get(question)?, unchecked.get(question)?);
        Some(match answer.status.as_str() {
            // It fails, and not when it is told to leave the validation out.
            "SERVFAIL" if without_checking.status != "SERVFAIL" => "bogus".to_owned(),
            status => {
                let security = if answer.authentic { "secure" } else { "insecure" };
                let content = match status {
                    "NXDOMAIN" => "no name",
                    "NOERROR" if answer.has_records => "found",
                    "NOERROR" => "no data",
                    other => other,
                };
                format!("{security}, {content}")
            }
        })
    };
    questions.iter().filter_map(|question| Some((question.clone(), words(question)?))).collect()
}

/// One answer of a resolver.
#[derive(Debug, Default)]
struct Answer {
    status: String,
    authentic: bool,
    has_records: bool,
}

/// Asks the environment's resolver all questions with one `dig`.
fn ask(
    environment: &Environment,
    questions: &[Question],
    checking: &str,
) -> BTreeMap<Question, Answer> {
    let mut arguments =
        vec!["@127.70.0.53", "+noall", "+comments", "+question", "+answer", "+tries=1", checking];
    for Question { name, record_type } in questions {
        arguments.extend([name.as_str(), record_type.as_str()]);
    }
    let output = environment.run_inside("dig", &arguments).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();

    let mut answers = BTreeMap::new();
    let mut question = Question::new("", "");
    let mut answer = Answer::default();
    for line in text.lines() {
        if let Some((_, status)) = line.split_once("status: ") {
            let status = status.split(',').next().unwrap_or_default();
            answer = Answer { status: status.to_owned(), ..Answer::default() };
        } else if let Some(flags) = line.strip_prefix(";; flags: ") {
            let flags = flags.split(';').next().unwrap_or_default();
            answer.authentic = flags.split(' ').any(|flag| flag == "ad");
        } else if let [name, "IN", kind] = *line.split_whitespace().collect::<Vec<_>>()
            && let Some(name) = name.strip_prefix(';')
        {
            question = Question::new(name.trim_end_matches('.'), kind);
            answers.insert(question.clone(), std::mem::take(&mut answer));
        } else if let [_, _, _, kind, ..] = *line.split_whitespace().collect::<Vec<_>>()
            && kind == question.record_type
            && !line.starts_with(';')
            && let Some(answer) = answers.get_mut(&question)
        {
            answer.has_records = true;
        }
    }
    answers
}

/// What `delv`, which validates for itself, says of a question, in the words of the table.
pub(crate) fn delv(environment: &Environment, question: &Question) -> String {
    let arguments = [
        "@127.70.0.53",
        "-a",
        "/e2e/bind.keys",
        "+root=.",
        "+nortrace",
        question.name.as_str(),
        question.record_type.as_str(),
    ];
    let output = environment.run_inside("delv", &arguments).unwrap();
    delv_answer(&output)
}
