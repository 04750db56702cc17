import type { MigrationInterface, QueryRunner } from 'typeorm';

const SIGNATURE = 'start_confirmed_executions(json)';

/**
 * A start that confirms in the same statement what its server assumes: who asks for it and what they may do, which key
 * pays, and a setting of the workspace. So neither costs a round trip of its own, and a token or key that is gone
 * starts nothing from the moment on at which that has committed.
 */
export class ConfirmAtStart1764001900000 implements MigrationInterface {
  readonly name = 'ConfirmAtStart1764001900000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`GRANT CREATE ON SCHEMA public TO keyrun_definer`);
    await queryRunner.query(`CREATE FUNCTION ${FUNCTION}`);
    await queryRunner.query(`ALTER FUNCTION ${SIGNATURE} OWNER TO keyrun_definer`);
    await queryRunner.query(`REVOKE ALL ON FUNCTION ${SIGNATURE} FROM PUBLIC`);
    await queryRunner.query(`GRANT EXECUTE ON FUNCTION ${SIGNATURE} TO keyrun_runtime`);
    await queryRunner.query(`REVOKE CREATE ON SCHEMA public FROM keyrun_definer`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP FUNCTION ${SIGNATURE}`);
  }
}

/** As `authenticate_access_token` judges, without noting a use. */
const ACCESS_HOLDS = `
  EXISTS (
    SELECT FROM json_to_record(start.assumed_access)
        AS assumed (digest text, role text, scopes text[], agent_id text)
      CROSS JOIN LATERAL (
        SELECT token.id FROM access_tokens token WHERE token.digest = decode(assumed.digest, 'hex')
        UNION ALL
        SELECT token.id FROM access_tokens token
         WHERE token.previous_digest = decode(assumed.digest, 'hex') AND token.previous_expires_at > now()
      ) AS holder
      JOIN access_tokens token ON token.id = holder.id
      JOIN access_token_grants access
        ON access.token_id = token.id AND access.workspace_id = start.workspace_id
     WHERE (token.expires_at IS NULL OR token.expires_at > now()) AND access.role = assumed.role
       AND token.scopes IS NOT DISTINCT FROM assumed.scopes
       AND token.agent_id IS NOT DISTINCT FROM assumed.agent_id)`;

/** As `find_api_key` chooses, without noting a use. */
const KEY_HOLDS = `
  EXISTS (
    SELECT FROM json_to_record(start.assumed_key)
        AS assumed (wanted_id uuid, encrypted_key text, base_url text)
      CROSS JOIN LATERAL (
        SELECT key.* FROM api_keys key
         WHERE key.workspace_id = start.workspace_id AND key.provider = start.provider
           AND (assumed.wanted_id IS NULL OR key.id = assumed.wanted_id)
         ORDER BY key.enabled DESC, key.health IN ('invalid', 'unreadable'), key.priority, key.id LIMIT 1
      ) AS chosen
     WHERE chosen.id = start.api_key_id AND chosen.enabled
       AND chosen.encrypted_key = assumed.encrypted_key
       AND chosen.base_url IS NOT DISTINCT FROM assumed.base_url)`;

const SETTING_HOLDS = `
  EXISTS (
    SELECT FROM workspaces workspace
     WHERE workspace.id = start.workspace_id
       AND workspace.store_at_provider = start.assumed_store_at_provider)`;

// What is assumed of nothing need not hold. The plan is made once: it suits every value, and to make it takes longer
// than to run it.
const FUNCTION = `
  start_confirmed_executions(starts json) RETURNS TABLE (execution_id uuid, started_at timestamptz,
      store_content text, on_disconnect text, store_at_provider boolean,
      taken_by uuid, taken_fingerprint text, is_outdated boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET plan_cache_mode = force_generic_plan AS $$
  DECLARE
    outdated uuid[];
  BEGIN
    outdated := ARRAY (
      SELECT start.id FROM json_to_recordset(starts) AS start (id uuid, workspace_id uuid, provider text,
        api_key_id uuid, assumed_access json, assumed_key json, assumed_store_at_provider boolean)
       WHERE (start.assumed_access IS NOT NULL AND NOT ${ACCESS_HOLDS})
          OR (start.assumed_key IS NOT NULL AND NOT ${KEY_HOLDS})
          OR (start.assumed_store_at_provider IS NOT NULL AND NOT ${SETTING_HOLDS}));
    IF outdated = '{}' THEN
      RETURN QUERY SELECT started.*, false FROM start_executions(starts) AS started;
      RETURN;
    END IF;
    RETURN QUERY
      SELECT started.*, false FROM start_executions((
        SELECT coalesce(json_agg(start), '[]') FROM json_array_elements(starts) AS start
         WHERE (start ->> 'id')::uuid <> ALL (outdated))) AS started
      UNION ALL
      SELECT id, NULL, NULL, NULL, NULL, NULL, NULL, true FROM unnest(outdated) AS id;
  END $$`;
