//! `sealpost enforce import`

use std::fs::File as StdFile;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use mail_domain::DomainName;
use sealpost_enforce::import::{self, Found, RowError, Source, What};
use sealpost_rules::Quoted;
use sealpost_runtime::Clock;
use sealpost_store::{Adoption, PeerRows, Store, StoreError, Verb};

use super::stored;
use crate::arguments::{ImportArguments, Peer};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Rows that are stored together.
const BATCH: usize = 256;
/// Rows of a file that are named when they cannot be taken over; the others are only counted.
const NAMED: u64 = 20;

pub(super) async fn run(
    arguments: &ImportArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let path = arguments.configuration.store_file()?;
    let store = stored::open_or_make(&path).await?;
    let now = Clock::system().now().as_second();
    let mut total = Counts::default();
    for file in &arguments.files {
        let mut import = Import {
            store: &store,
            path: &path,
            file,
            now,
            batch: Vec::new(),
            counts: Counts::default(),
            output: &mut *output,
        };
        let read = import.read(arguments.from).await;
        let counts = import.counts;
        total.add(&counts);
        read?;
        counts.say(&file.display().to_string(), output);
    }
    if arguments.files.len() > 1 {
        total.say("all", output);
    }
    store.close().await;
    Ok(if total.refused == 0 { Outcome::Clean } else { Outcome::Findings })
}

/// What became of the rows.
#[derive(Clone, Copy, Default)]
struct Counts {
    stored: usize,
    older: usize,
    expired: usize,
    names: usize,
    refused: u64,
}

/// One file on its way into the store.
struct Import<'a> {
    store: &'a Store,
    path: &'a Path,
    file: &'a Path,
    now: i64,
    batch: Vec<Found>,
    counts: Counts,
    output: &'a mut Output,
}

impl Import<'_> {
    async fn read(&mut self, from: Peer) -> Result<(), Failure> {
        let mut input = open(self.file)?;
        let beginning = beginning(&mut input)?;
        let source = match from {
            Peer::Auto => Source::detect(&beginning),
            Peer::Sealpost => Some(Source::Dump),
            Peer::PostfixMtaStsResolver => Some(Source::PostfixMtaStsResolver),
            Peer::PostfixTlspol if beginning.starts_with(&[0x1f, 0x8b]) => {
                Some(Source::PostfixTlspolCache)
            }
            Peer::PostfixTlspol => Some(Source::PostfixTlspolDump),
        };
        let input = io::Cursor::new(beginning).chain(input);
        match source {
            Some(source @ (Source::Dump | Source::PostfixTlspolDump)) => {
                self.read_lines(source, input).await?;
            }
            Some(Source::PostfixMtaStsResolver) => self.read_rows().await?,
            Some(Source::PostfixTlspolCache) => self.read_cache(input).await?,
            None => {
                let what = format!("see what {} is", self.file.display());
                return Err(Failure::new(what).hint(
                    "say with --from whose it is: a dump of sealpost, the SQLite file of \
                     postfix-mta-sts-resolver, or the cache file of postfix-tlspol; an empty file \
                     is none of these",
                ));
            }
        }
        self.store().await
    }

    async fn read_lines(&mut self, source: Source, input: impl Read) -> Result<(), Failure> {
        let mut input = BufReader::new(input);
        let mut number: u64 = 0;
        while let Some(line) = next_line(&mut input, import::LONGEST_LINE)? {
            number += 1;
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            let read = if source == Source::Dump {
                import::read_dump_line(line, self.now).map(Some)
            } else {
                import::read_postfix_tlspol_line(line)
            };
            if let Some(read) = read.transpose() {
                self.take(&format!("line {number}"), read).await?;
            }
        }
        Ok(())
    }

    async fn read_rows(&mut self) -> Result<(), Failure> {
        if self.file.as_os_str() == "-" {
            let failure = Failure::new("read a SQLite file from standard input");
            return Err(failure.hint("give its name: SQLite reads here and there in a file"));
        }
        let mut rows = PeerRows::open(self.file.to_owned());
        let failed = |error: &StoreError, file: &Path| {
            let source = std::error::Error::source(error).map(|source| format!(": {source}"));
            let source = source.unwrap_or_default();
            let what = format!("read {}: {error}{source}", file.display());
            Failure::new(what).hint(
                "give the SQLite file of postfix-mta-sts-resolver itself, with what lies beside \
                 it (-wal, -shm)",
            )
        };
        while let Some(batch) = rows.next().await.map_err(|error| failed(&error, self.file))? {
            for row in batch {
                let read = import::read_postfix_mta_sts_resolver_row(&row, self.now);
                let domain = String::from_utf8_lossy(&row.domain);
                let place = format!("row {}, {}", row.number, Quoted(&domain));
                self.take(&place, read).await?;
            }
        }
        Ok(())
    }

    async fn read_cache(&mut self, input: impl Read) -> Result<(), Failure> {
        let mut octets = Vec::new();
        let limit = import::LARGEST_CACHE.saturating_add(1);
        input.take(limit).read_to_end(&mut octets).map_err(|error| self.unreadable(&error))?;
        if octets.len() as u64 >= limit {
            return Err(self.unreadable(&io::Error::other("it is too large")));
        }
        let mut rows = Vec::new();
        let read = import::read_postfix_tlspol_cache(&octets, self.now, |name, row| {
            rows.push((Quoted(name).to_string(), row));
        });
        for (place, row) in rows {
            self.take(&place, row).await?;
        }
        let Err(error) = read else { return Ok(()) };
        self.store().await?;
        let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
        let source = source.unwrap_or_default();
        let what = format!("read {}: {error}{source}", self.file.display());
        Err(Failure::new(what).hint(
            "what came before was taken over; `postfix-tlspol -dump` prints at least the names \
             of the domains, which import reads as well",
        ))
    }

    /// Takes in a row, and says what is wrong with one that cannot be taken over.
    async fn take(&mut self, place: &str, row: Result<Found, RowError>) -> Result<(), Failure> {
        match row {
            Ok(found) => self.batch.push(found),
            Err(error) => {
                self.counts.refused = self.counts.refused.saturating_add(1);
                if self.counts.refused <= NAMED {
                    let file = self.file.display();
                    let said = format!("{file}: {place}: failed to {error}");
                    self.output.say(&said);
                    self.output.say(&format!("  hint: {}", error.hint()));
                }
            }
        }
        if self.batch.len() < BATCH {
            return Ok(());
        }
        self.store().await
    }

    /// Stores what has come together, and has each domain asked about anew.
    async fn store(&mut self) -> Result<(), Failure> {
        let failed = |error: StoreError| stored::failure(self.path, &error);
        let mut domains: Vec<DomainName> = Vec::new();
        let mut policies: Vec<Adoption> = Vec::new();
        for Found { domain, what } in std::mem::take(&mut self.batch) {
            domains.push(domain);
            match what {
                What::Policy(policy) => policies.push(policy),
                What::Expired => self.counts.expired += 1,
                What::Name => self.counts.names += 1,
            }
        }
        let (count, policies_handle) = (policies.len(), self.store.policies());
        let stored = policies_handle.adopt(policies).await.map_err(failed)?.len();
        self.store.intents().add(Verb::Refresh, domains, self.now).await.map_err(failed)?;
        self.counts.stored += stored;
        self.counts.older += count.saturating_sub(stored);
        Ok(())
    }

    fn unreadable(&self, error: &io::Error) -> Failure {
        Failure::of_stream(&format!("read {}", self.file.display()), error)
    }
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.stored += other.stored;
        self.older += other.older;
        self.expired += other.expired;
        self.names += other.names;
        self.refused = self.refused.saturating_add(other.refused);
    }

    fn say(self, what: &str, output: &mut Output) {
        let Self { stored, older, expired, names, refused } = self;
        let mut parts = vec![format!("{stored} policies taken over")];
        let mut part = |count: u64, text: &str| {
            if count != 0 {
                parts.push(format!("{count} {text}"));
            }
        };
        part(older as u64, "not newer than what is stored");
        part(expired as u64, "expired");
        part(names as u64, "of which only the name is told");
        part(refused, "could not be taken over");
        output.say(&format!("{what}: {}", parts.join(", ")));
        let asked = stored.saturating_add(older).saturating_add(expired).saturating_add(names);
        if asked != 0 {
            output.say(&format!("the daemon asks about all {asked} anew"));
        }
    }
}

/// A file, or standard input for `-`.
pub(super) fn open(file: &Path) -> Result<Box<dyn Read>, Failure> {
    if file.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let (file, _): (StdFile, _) = fs_err::File::open(file)?.into_parts();
    Ok(Box::new(file))
}

fn beginning(input: &mut dyn Read) -> Result<Vec<u8>, Failure> {
    let mut octets = Vec::new();
    let read = input.take(Source::ENOUGH as u64).read_to_end(&mut octets);
    read.map_err(|error| Failure::of_stream("read the file", &error))?;
    Ok(octets)
}

/// The next line, with its end; one that is longer than `limit` is cut, and comes one octet longer
/// than that. `None` after the last.
pub(super) fn next_line(
    input: &mut impl BufRead,
    limit: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    let failed = |error: io::Error| Failure::of_stream("read the file", &error);
    let mut line = Vec::new();
    let longest = (limit as u64).saturating_add(1);
    input.by_ref().take(longest).read_until(b'\n', &mut line).map_err(failed)?;
    if line.len() > limit && !line.ends_with(b"\n") {
        input.skip_until(b'\n').map_err(failed)?;
    }
    Ok((!line.is_empty()).then_some(line))
}
