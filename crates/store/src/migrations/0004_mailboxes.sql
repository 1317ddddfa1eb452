-- How far mailboxes have been read over IMAP. Times are seconds since 1970.
CREATE TABLE mailboxes (
    account      TEXT   NOT NULL, -- user@host:port
    folder       TEXT   NOT NULL,
    uid_validity BIGINT NOT NULL,
    last_uid     BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (account, folder),
    CHECK (length(account) <= 1000),
    CHECK (length(folder) <= 1000),
    CHECK (uid_validity >= 0),
    CHECK (last_uid >= 0)
);
