//! The statements on the tables of certificates and orders.

use crate::statement::statements;

statements! {
    ACCOUNT = "
        SELECT key, url FROM acme_accounts WHERE directory = $1";

    /// The first key stays.
    MAKE_ACCOUNT = "
        INSERT INTO acme_accounts (directory, key, made_at) VALUES ($1, $2, $3)
        ON CONFLICT (directory) DO NOTHING";

    NAME_ACCOUNT = "
        UPDATE acme_accounts SET url = $1 WHERE directory = $2";

    ORDER = "
        SELECT directory, key, asked_at, url FROM acme_orders WHERE host = $1";

    BEGIN = "
        INSERT INTO acme_orders (host, directory, key, begun_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (host) DO NOTHING";

    ASKED = "
        UPDATE acme_orders SET asked_at = $1 WHERE host = $2";

    ORDERED = "
        UPDATE acme_orders SET url = $1 WHERE host = $2";

    ABANDON = "
        DELETE FROM acme_orders WHERE host = $1";

    KEEP = "
        INSERT INTO certificates (host, directory, chain, key, not_before, not_after)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (host) DO UPDATE
        SET directory = excluded.directory, chain = excluded.chain, key = excluded.key,
            not_before = excluded.not_before, not_after = excluded.not_after,
            renew_at = NULL, ask_at = NULL";

    SUGGEST = "
        UPDATE certificates SET renew_at = $1, ask_at = $2 WHERE host = $3";

    LIST = "
        SELECT host, directory, chain, key, not_before, not_after, renew_at, ask_at
        FROM certificates WHERE host > $1 ORDER BY host LIMIT $2";

    CERTIFICATE = "
        SELECT host, directory, chain, key, not_before, not_after, renew_at, ask_at
        FROM certificates WHERE host = $1";

    /// To its holder, or when it is over. One that ends later than can be was taken when the clock was
    /// wrong.
    LEASE = "
        INSERT INTO certificate_leases (host, holder, held_until) VALUES ($1, $2, $3)
        ON CONFLICT (host) DO UPDATE
        SET holder = excluded.holder, held_until = excluded.held_until
        WHERE certificate_leases.holder = excluded.holder
           OR certificate_leases.held_until <= $4
           OR certificate_leases.held_until > $5
        RETURNING host";

    RELEASE = "
        DELETE FROM certificate_leases WHERE host = $1 AND holder = $2";

    TROUBLE = "
        INSERT INTO certificate_troubles (host, failures, next_at, what) VALUES ($1, 1, $2, $3)
        ON CONFLICT (host) DO UPDATE
        SET failures = certificate_troubles.failures + 1, next_at = excluded.next_at,
            what = excluded.what";

    NO_TROUBLE = "
        DELETE FROM certificate_troubles WHERE host = $1";

    TROUBLE_OF = "
        SELECT host, failures, next_at, what FROM certificate_troubles WHERE host = $1";

    TROUBLES = "
        SELECT host, failures, next_at, what
        FROM certificate_troubles WHERE host > $1 ORDER BY host LIMIT $2";

    LIMIT = "
        SELECT free_at FROM acme_limits WHERE name = $1";

    SPEND = "
        INSERT INTO acme_limits (name, free_at) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET free_at = excluded.free_at";
}
