//! A dashboard for Grafana, made of the same tables as the reference page.
//!
//! It is of the classic model, which every Grafana since version 9 imports. A row for each part of the
//! program, in it a panel for each metric: counters as rates, durations as quantiles.

use sealpost_runtime::metrics::{Definition, Kind};
use serde_json::{Value, json};

/// What Grafana of version 10.4 writes; later ones take it over.
const SCHEMA: u32 = 39;
/// The grid of Grafana is so wide.
const GRID: usize = 24;
/// A panel, in cells of the grid.
const WIDTH: usize = 8;
const HEIGHT: usize = 7;
/// Only the instances that were chosen.
const CHOSEN: &str = "instance=~\"$instance\"";

/// The dashboard in JSON.
pub(super) fn dashboard(parts: &[(&str, &[Definition])]) -> String {
    let (mut panels, mut top) = (Vec::new(), 0);
    for (title, definitions) in parts {
        let place = json!({ "x": 0, "y": top, "w": GRID, "h": 1 });
        let title = title.replace('`', "");
        panels.push(json!({
            "id": panels.len() + 1,
            "type": "row",
            "title": title,
            "collapsed": false,
            "gridPos": place,
            "panels": [],
        }));
        top += 1;
        for (number, definition) in definitions.iter().enumerate() {
            let (row, column) = (number / (GRID / WIDTH), number % (GRID / WIDTH));
            let (x, y) = (column * WIDTH, top + row * HEIGHT);
            let place = json!({ "x": x, "y": y, "w": WIDTH, "h": HEIGHT });
            panels.push(panel(definition, panels.len() + 1, &place));
        }
        top += definitions.len().div_ceil(GRID / WIDTH) * HEIGHT;
    }
    let dashboard = json!({
        "uid": "sealpost",
        "title": "sealpost",
        "description": "Made by `sealpost metrics --format grafana`; the metrics are those of doc/reference/metrics.md.",
        "tags": ["sealpost", "mail"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "timezone": "utc",
        "time": { "from": "now-24h", "to": "now" },
        "refresh": "1m",
        "annotations": { "list": [] },
        "links": [],
        "templating": { "list": [
            {
                "name": "datasource",
                "label": "Prometheus",
                "type": "datasource",
                "query": "prometheus",
            },
            {
                "name": "instance",
                "label": "Instance",
                "type": "query",
                "datasource": source(),
                "definition": "label_values(sealpost_build_info, instance)",
                "query": { "query": "label_values(sealpost_build_info, instance)", "refId": "instances" },
                "refresh": 2,
                "sort": 1,
                "multi": true,
                "includeAll": true,
                "allValue": ".*",
                "current": { "text": "All", "value": "$__all" },
            },
        ] },
        "panels": panels,
    });
    // JSON of strings and numbers can always be written.
    let text = serde_json::to_string_pretty(&dashboard).unwrap_or_default();
    text + "\n"
}

fn source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

fn panel(definition: &Definition, id: usize, place: &Value) -> Value {
    let Definition { name, help, .. } = definition;
    let title = name.trim_start_matches("sealpost_");
    let title = match moment(name) {
        None => title.to_owned(),
        Some(Moment::Past) => format!("{title}, time since"),
        Some(Moment::Ahead) => format!("{title}, time until"),
    };
    // What is past its moment is below 0.
    let min = moment(name).is_none().then_some(0);
    json!({
        "id": id,
        "type": "timeseries",
        "title": title,
        "description": help,
        "datasource": source(),
        "gridPos": place,
        "fieldConfig": {
            "defaults": { "unit": unit(definition), "min": min, "custom": drawn(definition) },
            "overrides": [],
        },
        "options": {
            "legend": { "showLegend": true, "displayMode": "list", "placement": "bottom", "calcs": [] },
            "tooltip": { "mode": "multi", "sort": "desc" },
        },
        "targets": targets(definition),
    })
}

/// What is asked of Prometheus, and how each series is called.
fn targets(definition: &Definition) -> Value {
    let Definition { name, kind, label, .. } = definition;
    let ask = |place: &str, query: String, legend: String| {
        json!({
            "refId": place,
            "datasource": source(),
            "editorMode": "code",
            "expr": query,
            "legendFormat": legend,
            "range": true,
        })
    };
    if *kind == Kind::Histogram {
        let quantile = |place, quantile, word: &str| {
            let rates = format!("rate({name}_bucket{{{CHOSEN}}}[$__rate_interval])");
            ask(
                place,
                format!("histogram_quantile({quantile}, sum by (le) ({rates}))"),
                word.to_owned(),
            )
        };
        return json!([quantile("A", "0.5", "median"), quantile("B", "0.99", "99 %")]);
    }
    let by = label.map_or("instance", |(label, _)| label);
    let series = match kind {
        Kind::Counter => format!("sum by ({by}) (rate({name}{{{CHOSEN}}}[$__rate_interval]))"),
        _ => format!("sum by ({by}) ({name}{{{CHOSEN}}})"),
    };
    let query = match moment(name) {
        None => series,
        Some(Moment::Past) => format!("time() - {series}"),
        // 0 is none.
        Some(Moment::Ahead) => format!("({series} > 0) - time()"),
    };
    json!([ask("A", query, format!("{{{{{by}}}}}"))])
}

/// A metric that says when something is; what is shown is how far away that is.
enum Moment {
    Past,
    Ahead,
}

fn moment(name: &str) -> Option<Moment> {
    if name.ends_with("_start_time_seconds") {
        Some(Moment::Past)
    } else if name.ends_with("_timestamp_seconds") {
        Some(Moment::Ahead)
    } else {
        None
    }
}

fn unit(definition: &Definition) -> &'static str {
    match definition.kind {
        Kind::Histogram => "s",
        Kind::Counter if definition.name.contains("_seconds") => "percentunit",
        Kind::Counter => "ops",
        Kind::Gauge if definition.name.ends_with("_bytes") => "bytes",
        Kind::Gauge if definition.name.ends_with("_seconds") => "s",
        Kind::Gauge => "short",
    }
}

/// What has parts is stacked, so that the whole is seen too.
fn drawn(definition: &Definition) -> Value {
    let mode = if definition.label.is_some() { "normal" } else { "none" };
    let fill = if definition.label.is_some() { 25 } else { 0 };
    json!({
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": fill,
        "showPoints": "never",
        "stacking": { "mode": mode, "group": "A" },
    })
}
