//! The statements on the tables `rollout_…`.

use crate::statement::statements;

statements! {
    ENROL = "
        INSERT INTO rollout_domains (domain, stage, entered_at, known_since, past, past_max_age)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (domain) DO NOTHING
        RETURNING domain";

    /// Only from the stage that the caller thinks it is in.
    ADVANCE = "
        UPDATE rollout_domains SET stage = $1, entered_at = $2
        WHERE domain = $3 AND stage = $4
        RETURNING domain";

    STATE_PAST = "
        UPDATE rollout_domains SET past = $1, past_max_age = $2 WHERE domain = $3
        RETURNING domain";

    DOMAIN = "
        SELECT stage, entered_at, known_since, past, past_max_age
        FROM rollout_domains WHERE domain = $1";

    DOMAINS = "
        SELECT domain, stage, entered_at FROM rollout_domains
        WHERE domain > $1 ORDER BY domain LIMIT $2";

    LIVE_BODY = "
        SELECT body FROM rollout_bodies WHERE domain = $1 AND last_served IS NULL";

    LIVE_BODIES = "
        SELECT domain, body FROM rollout_bodies
        WHERE last_served IS NULL AND domain > $1 ORDER BY domain LIMIT $2";

    END_BODY = "
        UPDATE rollout_bodies
        SET last_served = CASE WHEN first_served > CAST($1 AS BIGINT) THEN first_served
                               ELSE CAST($1 AS BIGINT) END
        WHERE domain = $2 AND last_served IS NULL";

    BEGIN_BODY = "
        INSERT INTO rollout_bodies (domain, first_served, body) VALUES ($1, $2, $3)";

    /// The last beginnings: of a body, and of an id.
    LAST_TIMES = "
        SELECT (SELECT MAX(first_served) FROM rollout_bodies WHERE domain = $1),
               (SELECT MAX(first_announced) FROM rollout_ids WHERE domain = $1)";

    BODIES = "
        SELECT first_served, last_served, body FROM rollout_bodies
        WHERE domain = $1 ORDER BY first_served";

    LIVE_ID = "
        SELECT id FROM rollout_ids WHERE domain = $1 AND last_announced IS NULL";

    /// The longest TTL that it had.
    SAME_ID = "
        UPDATE rollout_ids SET ttl = CASE WHEN ttl < $1 THEN $1 ELSE ttl END
        WHERE domain = $2 AND last_announced IS NULL";

    END_ID = "
        UPDATE rollout_ids
        SET last_announced = CASE WHEN first_announced > CAST($1 AS BIGINT) THEN first_announced
                                  ELSE CAST($1 AS BIGINT) END
        WHERE domain = $2 AND last_announced IS NULL";

    BEGIN_ID = "
        INSERT INTO rollout_ids (domain, first_announced, id, ttl) VALUES ($1, $2, $3, $4)";

    IDS = "
        SELECT first_announced, last_announced, id, ttl FROM rollout_ids
        WHERE domain = $1 ORDER BY first_announced";

    LIVE_MX = "
        SELECT hosts FROM rollout_mx WHERE domain = $1 AND last_published IS NULL";

    SAME_MX = "
        UPDATE rollout_mx SET ttl = CASE WHEN ttl < $1 THEN $1 ELSE ttl END
        WHERE domain = $2 AND last_published IS NULL";

    END_MX = "
        UPDATE rollout_mx
        SET last_published = CASE WHEN first_published > CAST($1 AS BIGINT) THEN first_published
                                  ELSE CAST($1 AS BIGINT) END
        WHERE domain = $2 AND last_published IS NULL";

    BEGIN_MX = "
        INSERT INTO rollout_mx (domain, first_published, hosts, ttl)
        SELECT CAST($1 AS TEXT),
               CASE WHEN COALESCE(MAX(first_published), -1) < CAST($2 AS BIGINT)
                    THEN CAST($2 AS BIGINT) ELSE MAX(first_published) + 1 END,
               CAST($3 AS TEXT), CAST($4 AS BIGINT)
        FROM rollout_mx WHERE domain = $1";

    MX = "
        SELECT last_published, hosts, ttl FROM rollout_mx
        WHERE domain = $1 ORDER BY first_published";

    /// The same row of the same moment is written once.
    NOTE = "
        INSERT INTO rollout_entries (domain, number, at, entry)
        SELECT CAST($1 AS TEXT), COALESCE(MAX(number), 0) + 1, CAST($2 AS BIGINT), CAST($3 AS TEXT)
        FROM rollout_entries WHERE domain = $1
        HAVING NOT EXISTS (SELECT 1 FROM rollout_entries AS known
                           WHERE known.domain = $1 AND known.at = $2 AND known.entry = $3)";

    /// The same, whatever is there already: who writes it knows that it is new.
    NOTE_NEW = "
        INSERT INTO rollout_entries (domain, number, at, entry)
        SELECT CAST($1 AS TEXT), COALESCE(MAX(number), 0) + 1, CAST($2 AS BIGINT), CAST($3 AS TEXT)
        FROM rollout_entries WHERE domain = $1";

    ENTRIES = "
        SELECT entry FROM rollout_entries WHERE domain = $1 AND number > $2
        ORDER BY number LIMIT $3";

    /// In hand until then, unless it is already, or not due. What is due later than can be is due.
    CLAIM = "
        INSERT INTO rollout_watch (domain, due, state) VALUES ($1, $2, '')
        ON CONFLICT (domain) DO UPDATE SET due = $2 WHERE rollout_watch.due <= $3 OR rollout_watch.due > $4
        RETURNING domain";

    DUE_TIMES = "
        SELECT domain, due FROM rollout_watch WHERE domain > $1 ORDER BY domain LIMIT $2";

    WATCH_STATE = "
        SELECT state FROM rollout_watch WHERE domain = $1";

    WATCH_STATES = "
        SELECT domain, state FROM rollout_watch WHERE domain > $1 ORDER BY domain LIMIT $2";

    KEEP_WATCH = "
        INSERT INTO rollout_watch (domain, due, state) VALUES ($1, $2, $3)
        ON CONFLICT (domain) DO UPDATE SET due = $2, state = $3";

    /// Of a domain that is not known. Of one that is, a pass has written more.
    TURN_AWAY = "
        INSERT INTO rollout_watch (domain, due, state)
        SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT)
        WHERE NOT EXISTS (SELECT 1 FROM rollout_domains WHERE domain = $1)
        ON CONFLICT (domain) DO UPDATE SET due = excluded.due, state = excluded.state";

    /// Those that were not taken up.
    TURNED_AWAY = "
        SELECT domain FROM rollout_watch
        WHERE domain > $1
        AND NOT EXISTS (SELECT 1 FROM rollout_domains AS known
                        WHERE known.domain = rollout_watch.domain)
        ORDER BY domain LIMIT $2";

    FORGET_TURNED_AWAY = "
        DELETE FROM rollout_watch
        WHERE domain = $1 AND NOT EXISTS (SELECT 1 FROM rollout_domains WHERE domain = $1)";

    /// It is due, and nobody has looked at it.
    FORGET_WATCH = "
        UPDATE rollout_watch SET due = 0, state = '' WHERE domain = $1";

    HOSTED = "
        SELECT domain, taken_out_at, EXISTS (
            SELECT 1 FROM rollout_hosted AS other
            WHERE other.domain = hosted.domain AND other.host <> $1 AND other.taken_out_at IS NULL
        ), whereabouts
        FROM rollout_hosted AS hosted
        WHERE host = $1 AND domain > $2 ORDER BY domain LIMIT $3";

    HOST = "
        INSERT INTO rollout_hosted (domain, host, whereabouts) VALUES ($1, $2, $3)
        ON CONFLICT (domain, host) DO UPDATE SET whereabouts = excluded.whereabouts
        WHERE rollout_hosted.whereabouts IS DISTINCT FROM excluded.whereabouts";

    UNHOST = "
        DELETE FROM rollout_hosted WHERE domain = $1 AND host = $2";

    IS_HOSTED = "
        SELECT 1 FROM rollout_hosted WHERE domain = $1 LIMIT 1";

    TAKE_OUT = "
        UPDATE rollout_hosted SET taken_out_at = $1
        WHERE domain = $2 AND host = $3 AND taken_out_at IS NULL
        RETURNING domain";

    TAKE_BACK = "
        UPDATE rollout_hosted SET taken_out_at = NULL
        WHERE domain = $1 AND host = $2 AND taken_out_at IS NOT NULL
        RETURNING domain";

    DUE_NOW = "
        UPDATE rollout_watch SET due = 0 WHERE domain = $1";

    FORGET_DOMAIN = "
        DELETE FROM rollout_domains WHERE domain = $1";

    NO_WATCH = "
        DELETE FROM rollout_watch WHERE domain = $1";

    KEEP_WORD = "
        INSERT INTO rollout_words (domain, kind, subject, by_whom, reason, at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (domain, kind, subject) DO UPDATE SET by_whom = $4, reason = $5, at = $6";

    WORDS = "
        SELECT kind, subject, by_whom, reason, at FROM rollout_words
        WHERE domain = $1 ORDER BY at, kind, subject LIMIT $2";
}
