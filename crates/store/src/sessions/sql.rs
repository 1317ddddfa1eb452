//! The statements on sessions.

use crate::statement::statements;

statements! {
    /// A number above every one before, whatever the clock says.
    BEGIN = "
        INSERT INTO session_nodes (node, epoch) VALUES ($1, $2)
        ON CONFLICT (node) DO UPDATE SET
            epoch = CASE WHEN excluded.epoch > session_nodes.epoch
                         THEN excluded.epoch ELSE session_nodes.epoch + 1 END
        RETURNING epoch";

    COUNTED_SINCE = "
        SELECT COUNT(*) FROM session_nodes WHERE epoch >= $1";

    SAVE_TEXT = "
        INSERT INTO session_texts (digest, content, last_day) VALUES ($1, $2, $3)
        ON CONFLICT (digest) DO UPDATE SET last_day = excluded.last_day
        WHERE session_texts.last_day < excluded.last_day";

    /// Numbers only grow, so the order in which they arrive does not matter.
    SAVE = "
        INSERT INTO session_totals (day, domain, policy, node, epoch, successful, failed, seen_at,
                                    record, hours, content, failures)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (day, domain, policy, node, epoch) DO UPDATE SET
            successful = excluded.successful,
            failed = excluded.failed,
            seen_at = excluded.seen_at,
            record = COALESCE(excluded.record, session_totals.record),
            hours = COALESCE(excluded.hours, session_totals.hours),
            content = excluded.content,
            failures = COALESCE(excluded.failures, session_totals.failures)
        WHERE session_totals.successful <= excluded.successful
          AND session_totals.failed <= excluded.failed";

    /// The same, if it is there.
    SAVE_AGAIN = "
        UPDATE session_totals
        SET successful = $1,
            failed = $2,
            seen_at = $3,
            record = COALESCE($4, record),
            hours = COALESCE($5, hours),
            failures = COALESCE($6, failures)
        WHERE day = $7 AND domain = $8 AND policy = $9 AND node = $10 AND epoch = $11
          AND successful <= $1 AND failed <= $2";

    DAYS = "
        SELECT day, COUNT(DISTINCT domain), CAST(SUM(successful) AS BIGINT),
               CAST(SUM(failed) AS BIGINT), MAX(seen_at)
        FROM session_totals WHERE day >= $1 GROUP BY day ORDER BY day DESC LIMIT $2";

    DAY = "
        SELECT day, COUNT(DISTINCT domain), CAST(SUM(successful) AS BIGINT),
               CAST(SUM(failed) AS BIGINT), MAX(seen_at)
        FROM session_totals WHERE day = $1 GROUP BY day";

    DOMAINS = "
        SELECT domain, CAST(SUM(successful) AS BIGINT), CAST(SUM(failed) AS BIGINT), MAX(seen_at)
        FROM session_totals WHERE day = $1 AND domain > $2
        GROUP BY domain ORDER BY domain LIMIT $3";

    /// What all nodes and epochs have of a domain.
    COUNTERS = "
        SELECT policy,
               COALESCE(content, (SELECT texts.content FROM session_texts AS texts
                                  WHERE texts.digest = session_totals.policy)),
               successful, failed, seen_at, epoch, record, hours, failures
        FROM session_totals WHERE day = $1 AND domain = $2
        ORDER BY policy, node, epoch";

    /// Failures of counters that have them not in their row.
    FAILURES_BESIDE = "
        SELECT failures.policy, texts.content, failures.failed, failures.recovered
        FROM session_failures AS failures
        LEFT JOIN session_texts AS texts ON texts.digest = failures.failure
        WHERE failures.day = $1 AND failures.domain = $2
          AND NOT EXISTS (SELECT 1 FROM session_totals AS totals
                          WHERE totals.day = failures.day
                            AND totals.domain = failures.domain
                            AND totals.policy = failures.policy
                            AND totals.node = failures.node
                            AND totals.epoch = failures.epoch
                            AND totals.content IS NOT NULL)
        ORDER BY failures.policy, failures.failure, failures.node, failures.epoch";

    /// What an enforcing sender found of the policy in this time.
    POLICY_FAILURE = "
        SELECT failure FROM policies
        WHERE domain = $1 AND failed_at >= $2 AND failed_at < $3 AND failure IS NOT NULL";

    /// Whether it is there.
    AGAIN_REMARK = "
        UPDATE sender_remarks
        SET noted_at = CASE WHEN noted_at < $1 THEN $1 ELSE noted_at END
        WHERE day = $2 AND domain = $3 AND policy = $4 AND failure = $5";

    COUNT_REMARKS = "
        SELECT COUNT(*) FROM sender_remarks WHERE day = $1 AND domain = $2";

    SAVE_REMARK = "
        INSERT INTO sender_remarks (day, domain, policy, failure, noted_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (day, domain, policy, failure) DO NOTHING";

    REMARKS = "
        SELECT policies.content, failures.content, remarks.failure
        FROM sender_remarks AS remarks
        LEFT JOIN session_texts AS policies ON policies.digest = remarks.policy
        LEFT JOIN session_texts AS failures ON failures.digest = remarks.failure
        WHERE remarks.day = $1 AND remarks.domain = $2
        ORDER BY remarks.policy, remarks.failure";

    SAVE_HOST = "
        INSERT INTO session_hosts (day, host, domain) VALUES ($1, $2, $3)
        ON CONFLICT (day, host, domain) DO NOTHING";

    DOMAINS_OF_HOST = "
        SELECT domain FROM session_hosts WHERE day = $1 AND host = $2 AND domain > $3
        ORDER BY domain LIMIT $4";

    SAVE_LOOK = "
        INSERT INTO mx_looks (day, domain, looked_at, policy, host, result, failure)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (day, domain, looked_at, policy, host, result, failure) DO NOTHING";

    /// Those of the day, and of the days beside it: what was seen just before midnight is near.
    LOOKS = "
        SELECT policies.content, failures.content, looks.failure, looks.host, looks.result,
               looks.looked_at
        FROM mx_looks AS looks
        LEFT JOIN session_texts AS policies ON policies.digest = looks.policy
        LEFT JOIN session_texts AS failures ON failures.digest = looks.failure
        WHERE looks.day IN ($1, $2, $3) AND looks.domain = $4
        ORDER BY looks.looked_at, looks.policy, looks.host, looks.result, looks.failure";

    /// Domains with sessions and a policy that were not tried lately.
    PROBE_CANDIDATES = "
        SELECT policies.domain, policies.policy_text, policies.fetched_at
        FROM policies
        WHERE policies.domain > $1 AND policies.policy_text IS NOT NULL
          AND EXISTS (SELECT 1 FROM session_totals
                      WHERE session_totals.day = $2
                        AND session_totals.domain = policies.domain)
          AND NOT EXISTS (SELECT 1 FROM mx_looks
                          WHERE mx_looks.day IN ($2, $3)
                            AND mx_looks.domain = policies.domain
                            AND mx_looks.looked_at > $4)
        ORDER BY policies.domain LIMIT $5";

    OLD = "
        SELECT DISTINCT day, domain FROM session_totals WHERE day < $1
        ORDER BY day, domain LIMIT $2";

    FORGET_TOTALS = "
        DELETE FROM session_totals WHERE day = $1 AND domain = $2";

    FORGET_FAILURES = "
        DELETE FROM session_failures WHERE day = $1 AND domain = $2";

    FORGET_REMARKS = "
        DELETE FROM sender_remarks WHERE (day, domain, policy, failure) IN
            (SELECT day, domain, policy, failure FROM sender_remarks WHERE day < $1 LIMIT $2)";

    FORGET_HOSTS = "
        DELETE FROM session_hosts WHERE (day, host, domain) IN
            (SELECT day, host, domain FROM session_hosts WHERE day < $1 LIMIT $2)";

    FORGET_LOOKS = "
        DELETE FROM mx_looks
        WHERE (day, domain, looked_at, policy, host, result, failure) IN
            (SELECT day, domain, looked_at, policy, host, result, failure FROM mx_looks
             WHERE day < $1 LIMIT $2)";

    FORGET_TEXTS = "
        DELETE FROM session_texts WHERE digest IN
            (SELECT digest FROM session_texts WHERE last_day < $1 LIMIT $2)";

    /// Unless it was counted, or somebody else holds the key who has not begun anew since.
    HOLD_POST = "
        INSERT INTO session_posts (post_key, content, counted, uncounted, posted_at,
                                   holder, held_since)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (post_key) DO UPDATE SET
            content = excluded.content,
            counted = excluded.counted,
            uncounted = excluded.uncounted,
            posted_at = excluded.posted_at,
            holder = excluded.holder,
            held_since = excluded.held_since
        WHERE session_posts.holder = excluded.holder
           OR session_posts.held_since < (SELECT epoch FROM session_nodes
                                          WHERE session_nodes.node = session_posts.holder)";

    /// How many were counted may become known later.
    SAVE_POST = "
        INSERT INTO session_posts (post_key, content, counted, uncounted, posted_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (post_key) DO UPDATE SET
            counted = excluded.counted,
            uncounted = excluded.uncounted,
            holder = NULL,
            held_since = NULL
        WHERE session_posts.content = excluded.content";

    POST = "
        SELECT post_key, content, counted, uncounted, posted_at, holder FROM session_posts
        WHERE post_key = $1";

    FORGET_POST = "
        DELETE FROM session_posts WHERE post_key = $1";

    FORGET_POSTS = "
        DELETE FROM session_posts WHERE post_key IN
            (SELECT post_key FROM session_posts WHERE posted_at < $1 LIMIT $2)";

    FORGET_POSTS_BEYOND = "
        DELETE FROM session_posts WHERE post_key IN
            (SELECT post_key FROM session_posts ORDER BY posted_at DESC, post_key
             LIMIT $1 OFFSET $2)";

    NOTE_FOLLOWED = "
        INSERT INTO followed_logs (log, begins, reached, noted_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (log, begins) DO UPDATE SET
            reached = excluded.reached,
            noted_at = excluded.noted_at";

    FOLLOWED = "
        SELECT begins, reached FROM followed_logs WHERE log = $1 ORDER BY begins";

    FORGET_FOLLOWED = "
        DELETE FROM followed_logs WHERE noted_at < $1";

    NEWEST_REFUSED = "
        SELECT COALESCE(MAX(id), 0) FROM refused_datagrams WHERE node = $1";

    ADD_REFUSED = "
        INSERT INTO refused_datagrams (node, id, refused_at, cause, length, octets)
        VALUES ($1, $2, $3, $4, $5, $6)";

    FORGET_REFUSED = "
        DELETE FROM refused_datagrams WHERE node = $1 AND id <= $2";

    REFUSED = "
        SELECT node, refused_at, cause, length, octets FROM refused_datagrams
        ORDER BY refused_at DESC, node, id DESC LIMIT $1";
}
