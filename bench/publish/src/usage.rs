//! What a server and its children have used.

use std::{fs, io};

pub struct Usage {
    pub cpu_ms: f64,
    pub memory_mib: f64,
}

/// Of a process and its direct children: nginx has a master and a worker.
pub fn of(pid: usize) -> io::Result<Usage> {
    let mut all = vec![pid];
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    all.extend(children.split_whitespace().filter_map(|text| text.parse::<usize>().ok()));
    let mut usage = Usage { cpu_ms: 0.0, memory_mib: 0.0 };
    for pid in all {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // Behind the name: state, then the 14th and 15th field of all are ticks of 10 ms.
        let rest = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |number: usize| fields.get(number).and_then(|text| text.parse::<f64>().ok());
        usage.cpu_ms += 10.0 * (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0));
        // Proportional: what master and worker share counts once.
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        usage.memory_mib += kib.unwrap_or(0.0) / 1024.0;
    }
    Ok(usage)
}
