//! The statements on the table `intents`.

use crate::statement::statements;

statements! {
    /// A number that grows, also within a second. An older asking for the same gives way.
    ADD = "
        INSERT INTO intents (id, verb, domain, asked_at)
        SELECT CASE WHEN COALESCE(MAX(id), 0) < CAST($1 AS BIGINT)
                    THEN CAST($1 AS BIGINT) ELSE MAX(id) + 1 END,
               CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT)
        FROM intents WHERE true
        ON CONFLICT (verb, domain) DO UPDATE SET id = excluded.id, asked_at = excluded.asked_at";

    DONE = "
        DELETE FROM intents WHERE id = $1";

    PENDING = "
        SELECT id, verb, domain, asked_at FROM intents ORDER BY id LIMIT $1";

    WAITING = "
        SELECT 1 FROM intents WHERE verb = $1 AND domain = $2";
}
