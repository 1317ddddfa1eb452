-- Messages of submissions in quarantine whose signature held when they came: keys do not stay.
CREATE TABLE raw_vouched (
    raw     INTEGER NOT NULL, -- the id
    message BYTEA   NOT NULL, -- SHA-256 of its octets, without its own transfer encoding
    signer  TEXT    NOT NULL, -- the domain that vouches for it
    PRIMARY KEY (raw, message),
    CHECK (length(message) = 32),
    CHECK (length(signer) <= 255)
);
