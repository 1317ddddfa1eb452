//! The statements on the raw file.

use crate::statement::statements;

/// The columns of an entry, in the order in which they are read.
macro_rules! entry {
    ($rest:literal) => {
        concat!(
            "SELECT id, digest, size, origin, received_at, peer, recipient,
                    arrivals, last_received_at, state, reason, reader
             FROM raw ",
            $rest
        )
    };
}

statements! {
    /// Notes that known octets came again.
    ARRIVED_AGAIN = "
        UPDATE raw SET
            arrivals = arrivals + 1,
            last_received_at = CASE WHEN last_received_at < $1 THEN $1 ELSE last_received_at END
        WHERE digest = $2
        RETURNING id, arrivals, received_at, state, reason";

    ADD_ARRIVAL = "
        INSERT INTO raw_arrivals (raw, number, origin, received_at, peer, recipient)
        VALUES ($1, $2, $3, $4, $5, $6)";

    NEWEST = "
        SELECT COALESCE(MAX(id), 0) FROM raw";

    /// Changes nothing if the octets are known. One look at the index tells, where a question
    /// before would be a second.
    ADD = "
        INSERT INTO raw (id, digest, size, origin, received_at, peer, recipient,
                         arrivals, last_received_at, state, reader)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $5, 'new', 0)
        ON CONFLICT (digest) DO NOTHING";

    ADD_OCTETS = "
        INSERT INTO raw_octets (raw, encoding, octets) VALUES ($1, $2, $3)";

    SETTLE = "
        UPDATE raw SET state = $1, reason = $2, reader = $3 WHERE digest = $4";

    SETTLE_PLACED = "
        UPDATE raw SET state = $1, reason = $2, reader = $3 WHERE id = $4 AND digest = $5";

    ADD_VOUCHED = "
        INSERT INTO raw_vouched (raw, message, signer, reader)
        SELECT id, $1, $2, $3 FROM raw WHERE id = $4 AND digest = $5
        ON CONFLICT (raw, message) DO NOTHING";

    VOUCHED = "
        SELECT message, signer, reader FROM raw_vouched WHERE raw = $1 ORDER BY message";

    OCTETS = "
        SELECT size, encoding, octets
        FROM raw JOIN raw_octets ON raw_octets.raw = raw.id
        WHERE digest = $1";

    ENTRY = entry!("WHERE digest = $1");

    ARRIVALS = "
        SELECT origin, received_at, peer, recipient
        FROM raw_arrivals WHERE raw = $1 ORDER BY number";

    /// What an older reader than the given one saw last.
    IN_STATE = entry!("WHERE state = $1 AND reader < $2 AND id > $3 ORDER BY id LIMIT $4");

    LIST = entry!("WHERE id > $1 ORDER BY id LIMIT $2");

    /// What is read is too much to be looked at one by one.
    COUNT_WAITING = "
        SELECT state, COUNT(*) FROM raw WHERE state <> 'read' GROUP BY state";

    COUNT_ALL = "
        SELECT COUNT(*) FROM raw";

    /// What nobody has read yet is never too old.
    OLD = "
        SELECT id FROM raw
        WHERE received_at < $1 AND state <> 'new'
        ORDER BY received_at, id LIMIT $2";

    FORGET_OCTETS = "
        DELETE FROM raw_octets WHERE raw = $1";

    FORGET_ARRIVALS = "
        DELETE FROM raw_arrivals WHERE raw = $1";

    FORGET_VOUCHED = "
        DELETE FROM raw_vouched WHERE raw = $1";

    FORGET = "
        DELETE FROM raw WHERE id = $1";
}
