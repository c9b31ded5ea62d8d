-- The ledger of promotions where the registry is shared. Whoever promotes first runs this; where that role may not,
-- an administrator does: psql -f components/registry/ledger.sql DATABASE
-- Then promoters need no more than: USAGE on the schema; SELECT, INSERT on ledger; SELECT, INSERT, UPDATE on head.
CREATE SCHEMA IF NOT EXISTS graftline;

CREATE TABLE IF NOT EXISTS graftline.ledger (
    model text NOT NULL,
    seq integer NOT NULL CHECK (seq > 0),
    line text NOT NULL,
    PRIMARY KEY (model, seq)  -- of two who write one entry, one fails
);

CREATE TABLE IF NOT EXISTS graftline.head (
    model text PRIMARY KEY,
    head text NOT NULL
);

-- The first line of defence; the proof is the chain of hashes and the signed head.
CREATE OR REPLACE FUNCTION graftline.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of graftline.% is refused: a ledger only grows', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE OR REPLACE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON graftline.ledger
    FOR EACH STATEMENT EXECUTE FUNCTION graftline.refuse();
CREATE OR REPLACE TRIGGER stays BEFORE DELETE OR TRUNCATE ON graftline.head
    FOR EACH STATEMENT EXECUTE FUNCTION graftline.refuse();
