//! SQL statements as constants that a test can list.

/// Declares the statements of an owner, each a constant, and `ALL` of them.
///
/// The SQL is for SQLite and PostgreSQL alike: parameters are `$1`, `$2` … in the order in which
/// they first appear (SQLite numbers them so), upserts are `ON CONFLICT`, and there is no clock, no
/// rowid and no function that only one of the two has.
macro_rules! statements {
    ($($(#[$documentation:meta])* $name:ident = $sql:expr;)+) => {
        $($(#[$documentation])* pub(crate) const $name: &str = $sql;)+

        /// Every statement, by name.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}
pub(crate) use statements;

/// Every statement on the store, of every owner.
#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let owners = [
        crate::policies::sql::ALL,
        crate::intents::sql::ALL,
        crate::reports::sql::ALL,
        crate::mailboxes::sql::ALL,
        crate::submissions::sql::ALL,
        crate::submissions::decisions::sql::ALL,
        crate::sessions::sql::ALL,
        crate::rollout::sql::ALL,
        crate::certificates::sql::ALL,
        crate::tokens::sql::ALL,
        crate::audit::sql::ALL,
        crate::checks::sql::ALL,
        crate::incidents::sql::ALL,
    ];
    owners.into_iter().flatten().copied()
}

/// Every statement on the raw file.
#[cfg(test)]
pub(crate) fn all_raw() -> impl Iterator<Item = (&'static str, &'static str)> {
    crate::raw::sql::ALL.iter().copied()
}
