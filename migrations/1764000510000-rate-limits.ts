import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Limits that all nodes share. Unlogged: after a crash of the database everybody starts anew, which is fine. */
export class RateLimits1764000510000 implements MigrationInterface {
  readonly name = 'RateLimits1764000510000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE UNLOGGED TABLE rate_limits (
        bucket text NOT NULL CONSTRAINT rate_limits_pkey PRIMARY KEY,
        window_started_at timestamptz NOT NULL,
        taken integer NOT NULL DEFAULT 0,
        taken_before integer NOT NULL DEFAULT 0,
        blocks integer NOT NULL DEFAULT 0,
        blocked_until timestamptz,
        ends_at timestamptz NOT NULL
      )`);
    await queryRunner.query(`ALTER TABLE rate_limits ENABLE ROW LEVEL SECURITY`);
    await queryRunner.query(`ALTER TABLE rate_limits FORCE ROW LEVEL SECURITY`);
    await queryRunner.query(`
      CREATE POLICY rate_limits_definer ON rate_limits TO keyrun_definer
        USING (true) WITH CHECK (true)`);
    await queryRunner.query(
      `GRANT SELECT, INSERT, UPDATE, DELETE ON rate_limits TO keyrun_definer`,
    );
    await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
    for (const [signature, definition] of Object.entries(FUNCTIONS)) {
      await queryRunner.query(`CREATE FUNCTION ${definition}`);
      await queryRunner.query(`ALTER FUNCTION ${signature} OWNER TO keyrun_definer`);
      await queryRunner.query(`REVOKE ALL ON FUNCTION ${signature} FROM PUBLIC`);
      await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${signature} TO keyrun_runtime`);
    }
    await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const signature of Object.keys(FUNCTIONS).reverse()) {
      await queryRunner.query(`DROP FUNCTION ${signature}`);
    }
    await queryRunner.query(`DROP TABLE rate_limits`);
  }
}

const DEFINER = 'SECURITY DEFINER SET search_path = public, pg_temp';

const FUNCTIONS: Readonly<Record<string, string>> = {
  // A sliding window: what was taken in the window before counts by the share of it that still lies within
  // the last window's length. Takes from all buckets or from none; the upsert locks them in the given order.
  // Returns the milliseconds to wait, 0 when it was taken.
  'take_rate_limits(text[], integer[], integer[])': `
    take_rate_limits(buckets text[], most integer[], window_seconds integer[]) RETURNS integer
      LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      state rate_limits;
      at timestamptz;
      length interval;
      share double precision;
      wait double precision;
      longest integer := 0;
    BEGIN
      FOR i IN 1 .. cardinality(buckets) LOOP
        length := make_interval(secs => window_seconds[i]);
        INSERT INTO rate_limits AS known (bucket, window_started_at, ends_at)
          VALUES (buckets[i], clock_timestamp(), clock_timestamp() + 2 * length)
          ON CONFLICT (bucket) DO UPDATE SET bucket = known.bucket RETURNING * INTO state;
        at := clock_timestamp();
        IF at >= state.window_started_at + 2 * length THEN
          state.window_started_at := at; state.taken := 0; state.taken_before := 0;
        ELSIF at >= state.window_started_at + length THEN
          state.window_started_at := state.window_started_at + length;
          state.taken_before := state.taken; state.taken := 0;
        END IF;
        share := least(1, 1 - extract(epoch FROM at - state.window_started_at) / window_seconds[i]);
        IF state.taken + 1 > most[i] THEN
          wait := (share + 1 - (most[i] - 1.0) / state.taken) * window_seconds[i];
        ELSIF state.taken + 1 + state.taken_before * share > most[i] THEN
          wait := (share - (most[i] - 1.0 - state.taken) / state.taken_before) * window_seconds[i];
        ELSE
          wait := 0;
        END IF;
        longest := greatest(longest, ceil(wait * 1000)::integer);
        UPDATE rate_limits SET window_started_at = state.window_started_at, taken = state.taken,
            taken_before = state.taken_before, ends_at = state.window_started_at + 2 * length
          WHERE bucket = buckets[i];
      END LOOP;
      IF longest = 0 THEN
        UPDATE rate_limits SET taken = taken + 1 WHERE bucket = ANY (buckets);
      END IF;
      RETURN longest;
    END $$`,

  // One failure too many within a minute blocks: for a minute, then twice as long each time, 15 minutes at the
  // most. An hour without a block forgets. Returns the milliseconds that the block still lasts; 0: no block.
  'note_failed_authentication(text, integer)': `
    note_failed_authentication(address text, most integer) RETURNS integer
      LANGUAGE plpgsql ${DEFINER} AS $$
    DECLARE
      state rate_limits;
      at timestamptz;
    BEGIN
      INSERT INTO rate_limits AS known (bucket, window_started_at, ends_at)
        VALUES ('failed-authentication:' || address, clock_timestamp(),
          clock_timestamp() + interval '1 hour')
        ON CONFLICT (bucket) DO UPDATE SET bucket = known.bucket RETURNING * INTO state;
      at := clock_timestamp();
      IF coalesce(state.blocked_until, at) <= at THEN
        IF state.blocked_until < at - interval '1 hour' THEN state.blocks := 0; END IF;
        IF at >= state.window_started_at + interval '1 minute' THEN
          state.window_started_at := at; state.taken := 0;
        END IF;
        state.taken := state.taken + 1;
        IF state.taken > most THEN
          state.blocked_until := at
            + least(interval '15 minutes', interval '1 minute' * 2 ^ least(state.blocks, 4));
          state.blocks := state.blocks + 1;
          state.taken := 0;
        END IF;
        UPDATE rate_limits SET window_started_at = state.window_started_at, taken = state.taken,
            blocks = state.blocks, blocked_until = state.blocked_until,
            ends_at = greatest(at, coalesce(state.blocked_until, at)) + interval '1 hour'
          WHERE bucket = state.bucket;
      END IF;
      RETURN greatest(0, ceil(extract(epoch FROM coalesce(state.blocked_until, at) - at) * 1000))::integer;
    END $$`,

  'forget_rate_limits()': `
    forget_rate_limits() RETURNS void LANGUAGE sql ${DEFINER} AS $$
      DELETE FROM rate_limits WHERE ends_at < now()
    $$`,
};
