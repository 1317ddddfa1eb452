-- What people are told of. Times are seconds since 1970.
CREATE TABLE incidents (
    id           TEXT   NOT NULL PRIMARY KEY, -- made of what it is about and of when it began
    number       BIGINT NOT NULL UNIQUE,      -- grows in the order in which they came up
    revision     BIGINT NOT NULL,             -- grows with each change
    cause        TEXT   NOT NULL,             -- the code
    domain       TEXT   NOT NULL,
    subject      TEXT   NOT NULL,             -- an MX host, a reporter; empty for the domain itself
    phase        TEXT   NOT NULL,             -- pending, open, resolved
    urgency      TEXT   NOT NULL,             -- note, warning, critical
    basis        TEXT   NOT NULL,             -- reports, look, both
    since        BIGINT NOT NULL,
    opened_at    BIGINT,
    gone_since   BIGINT,
    resolved_at  BIGINT,
    told         TEXT,                        -- the most that was told of its urgency
    told_to      TEXT   NOT NULL,             -- JSON: the receivers that were told
    summary      TEXT   NOT NULL,
    grounds      TEXT   NOT NULL,             -- JSON: a list of texts
    silent_until BIGINT,                      -- while somebody has it in hand
    taken_by     TEXT,                        -- who has acknowledged it last
    taken_at     BIGINT,
    taken_until  BIGINT,
    taken_reason TEXT,
    CHECK (length(id) = 16),
    CHECK (length(cause) <= 16),
    CHECK (length(domain) <= 253),
    CHECK (length(subject) <= 320),
    CHECK (phase IN ('pending', 'open', 'resolved')),
    CHECK ((phase = 'resolved') = (resolved_at IS NOT NULL)),
    CHECK ((phase = 'pending') = (opened_at IS NULL)),
    CHECK (length(told_to) <= 4096),
    CHECK (length(summary) <= 1000),
    CHECK (length(grounds) <= 32768),
    CHECK (length(taken_by) <= 200),
    CHECK (length(taken_reason) <= 1000)
);
-- Of the same there is one at a time.
CREATE UNIQUE INDEX incidents_live ON incidents (cause, domain, subject)
    WHERE phase <> 'resolved';
CREATE INDEX incidents_by_phase ON incidents (phase, number);
CREATE INDEX incidents_by_domain ON incidents (domain, number);

-- What is on its way to a receiver, or was. What is sent together has the number of the first.
CREATE TABLE notices (
    id          BIGINT NOT NULL PRIMARY KEY, -- grows in the order of queuing
    notice_key  TEXT   NOT NULL,             -- names what is told, everywhere and always
    receiver    TEXT   NOT NULL,
    incident    TEXT,                        -- none for a digest or a test
    kind        TEXT   NOT NULL,             -- opened, worsened, still-open, resolved, digest, test
    content     TEXT   NOT NULL,             -- JSON
    made_at     BIGINT NOT NULL,
    state       TEXT   NOT NULL,             -- waiting, sent, expired, dropped
    due         BIGINT NOT NULL,
    batch       BIGINT,                      -- none before the first attempt
    attempts    BIGINT NOT NULL,             -- begun ones
    owner       TEXT,                        -- who is at it
    lease_until BIGINT NOT NULL,             -- 0 if nobody is
    answer      TEXT,                        -- what came of the last attempt
    settled_at  BIGINT,
    UNIQUE (notice_key, receiver),
    CHECK (length(notice_key) <= 64),
    CHECK (length(receiver) <= 64),
    CHECK (length(kind) <= 16),
    CHECK (length(content) <= 1048576),
    CHECK (state IN ('waiting', 'sent', 'expired', 'dropped')),
    CHECK (length(owner) <= 128),
    CHECK (length(answer) <= 1000)
);
CREATE INDEX notices_waiting ON notices (receiver, batch, id) WHERE state = 'waiting';
CREATE INDEX notices_of_incident ON notices (incident, id);
CREATE INDEX notices_by_state ON notices (state, made_at);
