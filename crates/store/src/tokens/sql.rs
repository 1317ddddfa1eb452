//! The statements on the table `tokens`.

use crate::statement::statements;

statements! {
    ADD = "
        INSERT INTO tokens (name, hash, rights, made_at, ends_at)
        VALUES (CAST($1 AS TEXT), $2, CAST($3 AS TEXT), CAST($4 AS BIGINT),
                CAST($5 AS BIGINT))
        ON CONFLICT (name) DO NOTHING";

    REVOKE = "
        DELETE FROM tokens WHERE name = $1";

    LIST = "
        SELECT name, rights, made_at, ends_at, used_at FROM tokens ORDER BY name LIMIT $1";

    FIND = "
        SELECT name, rights, made_at, ends_at, used_at FROM tokens WHERE hash = $1";

    USED = "
        UPDATE tokens SET used_at = CAST($1 AS BIGINT) WHERE name = CAST($2 AS TEXT)";
}
