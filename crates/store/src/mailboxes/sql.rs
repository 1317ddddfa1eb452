//! The statements on the table `mailboxes`.

use crate::statement::statements;

statements! {
    PLACE = "
        SELECT uid_validity, last_uid, at FROM mailboxes WHERE account = $1 AND folder = $2";

    /// Within a generation of UIDs the place only moves forward.
    REACHED = "
        INSERT INTO mailboxes (account, folder, uid_validity, last_uid, at)
        VALUES (CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS BIGINT),
                CAST($5 AS BIGINT))
        ON CONFLICT (account, folder) DO UPDATE SET
            last_uid = CASE WHEN mailboxes.uid_validity = excluded.uid_validity
                             AND mailboxes.last_uid > excluded.last_uid
                            THEN mailboxes.last_uid ELSE excluded.last_uid END,
            uid_validity = excluded.uid_validity,
            at = excluded.at";
}
