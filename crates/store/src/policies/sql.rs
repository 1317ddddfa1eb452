//! The statements on the table `policies`.

use crate::statement::statements;

statements! {
    /// A policy that is not given leaves the stored one in place.
    SAVE = "
        INSERT INTO policies (domain, policy_id, policy_text, fetched_at,
                              failed_id, failure, failures, failed_at, last_used)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (domain) DO UPDATE SET
            policy_id = COALESCE(excluded.policy_id, policies.policy_id),
            policy_text = COALESCE(excluded.policy_text, policies.policy_text),
            fetched_at = COALESCE(excluded.fetched_at, policies.fetched_at),
            failed_id = excluded.failed_id,
            failure = excluded.failure,
            failures = excluded.failures,
            failed_at = excluded.failed_at,
            last_used = CASE WHEN excluded.last_used > policies.last_used
                             THEN excluded.last_used ELSE policies.last_used END";

    /// Takes over what was fetched elsewhere, unless what is stored was fetched as late.
    ADOPT = "
        INSERT INTO policies (domain, policy_id, policy_text, fetched_at, last_used)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (domain) DO UPDATE SET
            policy_id = excluded.policy_id,
            policy_text = excluded.policy_text,
            fetched_at = excluded.fetched_at,
            last_used = CASE WHEN excluded.last_used > policies.last_used
                             THEN excluded.last_used ELSE policies.last_used END
        WHERE policies.fetched_at IS NULL OR policies.fetched_at < excluded.fetched_at
        RETURNING domain";

    TOUCH = "
        UPDATE policies SET last_used = $1
        WHERE domain = $2 AND last_used < $1";

    FORGET = "
        DELETE FROM policies WHERE domain = $1 RETURNING domain";

    FORGET_FAILURES = "
        DELETE FROM policies
        WHERE domain = $1 AND policy_id IS NULL AND failed_at <= $2";

    LOAD = "
        SELECT domain, policy_id, policy_text, fetched_at,
               failed_id, failure, failures, failed_at, last_used
        FROM policies WHERE domain = $1";

    LOAD_ALL = "
        SELECT domain, policy_id, policy_text, fetched_at,
               failed_id, failure, failures, failed_at, last_used
        FROM policies";

    LIST_ALL = "
        SELECT domain, policy_id, policy_text, fetched_at,
               failed_id, failure, failures, failed_at, last_used
        FROM policies ORDER BY domain";
}
