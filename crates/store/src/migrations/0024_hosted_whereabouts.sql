-- Where the policy host of a domain is to be found, and who sets its records, as it was configured last:
-- by that its certificate is renewed when nobody configures it any more. JSON; NULL if it is not known.
ALTER TABLE rollout_hosted ADD COLUMN whereabouts TEXT;
