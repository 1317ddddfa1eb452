-- What leads each domain on: when it is looked at next, and what was seen the last time.
CREATE TABLE rollout_watch (
    domain TEXT   NOT NULL PRIMARY KEY,
    due    BIGINT NOT NULL, -- looked at from then on; later while somebody is at it
    state  TEXT   NOT NULL, -- JSON: what the next look needs of the last
    CHECK (length(state) <= 262144)
);

-- What a person says of a domain, in place of evidence.
CREATE TABLE rollout_words (
    domain  TEXT   NOT NULL,
    kind    TEXT   NOT NULL, -- 'waived' or 'accepted'
    subject TEXT   NOT NULL, -- the stage that may be left; the kind of failure
    by_whom TEXT   NOT NULL,
    reason  TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (domain, kind, subject),
    CHECK (kind IN ('waived', 'accepted')),
    CHECK (length(subject) <= 1024),
    CHECK (length(by_whom) <= 1024),
    CHECK (length(reason) <= 4096)
);
