use std::{thread, time::Duration};

use super::*;

#[derive(Clone, Copy)]
enum Answer {
    Found,
    NotFound,
    Odd,
}

impl Label for Answer {
    const NAME: &'static str = "answer";
    const VALUES: &'static [&'static str] = &["found", "not_found", "a\"b\\c\nd"];

    fn index(self) -> usize {
        self as usize
    }
}

crate::metric_table! {
    struct Metrics {
        asked: Counter = "test_asked_total", "Questions, with a \\ and a \"quotation\"\nin two lines.";
        answers: CounterVec<Answer> = "test_answers_total", "Answers.";
        waiting: Gauge = "test_waiting", "Who waits | now.";
        time: Histogram = "test_answer_seconds", "How long it took.";
    }
}

fn written(table: &impl Table) -> String {
    let mut text = Exposition::default();
    text.table(table);
    text.into_string()
}

#[test]
fn every_kind_is_written_as_the_format_wants_it() {
    let metrics = Metrics::default();
    metrics.asked.add(41);
    metrics.asked.increment();
    metrics.answers.increment(Answer::NotFound);
    metrics.answers.add(Answer::Odd, 7);
    metrics.waiting.set(3);
    metrics.waiting.add(-5);
    metrics.time.observe(Duration::from_nanos(1));
    metrics.time.observe(Duration::from_millis(30));
    metrics.time.observe(Duration::from_secs(3600));
    let expected = r#"# HELP test_asked_total Questions, with a \\ and a "quotation"\nin two lines.
# TYPE test_asked_total counter
test_asked_total 42
# HELP test_answers_total Answers.
# TYPE test_answers_total counter
test_answers_total{answer="found"} 0
test_answers_total{answer="not_found"} 1
test_answers_total{answer="a\"b\\c\nd"} 7
# HELP test_waiting Who waits | now.
# TYPE test_waiting gauge
test_waiting -2
# HELP test_answer_seconds How long it took.
# TYPE test_answer_seconds histogram
test_answer_seconds_bucket{le="0.00005"} 1
test_answer_seconds_bucket{le="0.0001"} 1
test_answer_seconds_bucket{le="0.00025"} 1
test_answer_seconds_bucket{le="0.0005"} 1
test_answer_seconds_bucket{le="0.001"} 1
test_answer_seconds_bucket{le="0.0025"} 1
test_answer_seconds_bucket{le="0.005"} 1
test_answer_seconds_bucket{le="0.01"} 1
test_answer_seconds_bucket{le="0.025"} 1
test_answer_seconds_bucket{le="0.05"} 2
test_answer_seconds_bucket{le="0.1"} 2
test_answer_seconds_bucket{le="0.25"} 2
test_answer_seconds_bucket{le="0.5"} 2
test_answer_seconds_bucket{le="1"} 2
test_answer_seconds_bucket{le="2.5"} 2
test_answer_seconds_bucket{le="5"} 2
test_answer_seconds_bucket{le="10"} 2
test_answer_seconds_bucket{le="25"} 2
test_answer_seconds_bucket{le="50"} 2
test_answer_seconds_bucket{le="100"} 2
test_answer_seconds_bucket{le="+Inf"} 3
test_answer_seconds_sum 3600.030000001
test_answer_seconds_count 3
"#;
    assert_eq!(written(&metrics), expected);
}

#[test]
fn a_bound_belongs_to_its_bucket_and_a_nanosecond_more_does_not() {
    for bound in histogram::BOUNDS {
        let shown = exposition::Seconds(bound);
        for (nanoseconds, expected) in [(bound, 1), (bound + 1, 0)] {
            let metrics = Metrics::default();
            metrics.time.observe(Duration::from_nanos(nanoseconds));
            let line = format!("test_answer_seconds_bucket{{le=\"{shown}\"}} {expected}\n");
            let text = written(&metrics);
            assert!(text.contains(&line), "{nanoseconds} ns: no {line}{text}");
        }
    }
}

#[test]
fn durations_beyond_all_measure_are_counted() {
    let histogram = Histogram::default();
    histogram.observe(Duration::MAX);
    histogram.observe(Duration::ZERO);
    assert_eq!(histogram.count(), 2);
}

#[test]
fn what_took_nothing_is_counted_as_what_took_zero_time() {
    let (none, zero) = (Metrics::default(), Metrics::default());
    none.time.observe_none();
    zero.time.observe(Duration::ZERO);
    assert_eq!(none.time.count(), 1);
    assert_eq!(written(&none), written(&zero));
}

#[test]
fn nothing_is_lost_when_many_threads_count() {
    const THREADS: u64 = 4;
    const TIMES: u64 = 20_000;
    let metrics = Metrics::default();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..TIMES {
                    metrics.asked.increment();
                    metrics.answers.increment(Answer::Found);
                    metrics.waiting.add(1);
                    metrics.time.observe(Duration::from_millis(2));
                }
            });
        }
    });
    let all = THREADS * TIMES;
    assert_eq!((metrics.asked.value(), metrics.answers.value(Answer::Found)), (all, all));
    assert_eq!((metrics.waiting.value(), metrics.time.count()), (80_000, all));
    assert!(written(&metrics).contains("\ntest_answer_seconds_sum 160\n"));
}

#[test]
fn the_process_is_described() {
    let text = written(&Process::new("1.2\"3"));
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap().parse().unwrap()
    };
    let age = crate::Clock::system().now().as_second() as f64 - value("process_start_time_seconds");
    // The kernel rounds the time of its own start to seconds.
    assert!((-2.0..3600.0).contains(&age), "{age}");
    assert!((1e5..1e11).contains(&value("process_resident_memory_bytes")), "{text}");
    assert!(value("process_cpu_seconds_total") > 0.0, "{text}");
    assert!(value("process_open_fds") >= 3.0, "{text}");
    assert!(text.ends_with("\nsealpost_build_info{version=\"1.2\\\"3\"} 1\n"), "{text}");
    for definition in Process::definitions() {
        assert!(text.contains(&format!("# TYPE {} {}\n", definition.name, definition.kind)));
    }
}

#[test]
fn the_reference_page_has_all_of_a_definition() {
    let page = reference_page(&[("Tests", Metrics::definitions())]);
    for row in [
        "## Tests\n",
        "| `test_answers_total` | counter | `answer`: `found`, `not_found`, ",
        "| `test_waiting` | gauge |  | Who waits \\| now. |\n",
        "| `test_answer_seconds` (`_bucket`, `_sum`, `_count`) | histogram |  | How long it took. |",
        "0.00005, 0.0001, ",
    ] {
        assert!(page.contains(row), "no {row:?} in\n{page}");
    }
}
