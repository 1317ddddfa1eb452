//! The statements on the table `audit`.

use crate::statement::statements;

statements! {
    NOTE = "
        INSERT INTO audit (id, kind, at, who, source, what, about, outcome)
        SELECT COALESCE(MAX(id), 0) + 1, CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT),
               CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS TEXT)
        FROM audit";

    /// All of a kind but the newest.
    FORGET = "
        DELETE FROM audit
        WHERE kind = CAST($1 AS TEXT)
          AND id <= (SELECT id FROM audit WHERE kind = CAST($1 AS TEXT)
                     ORDER BY id DESC LIMIT 1 OFFSET CAST($2 AS BIGINT))";

    LIST = "
        SELECT id, kind, at, who, source, what, about, outcome FROM audit
        WHERE id < CAST($1 AS BIGINT) ORDER BY id DESC LIMIT $2";
}
