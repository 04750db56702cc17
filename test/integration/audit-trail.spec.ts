import fc from 'fast-check';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { v7 as uuidv7 } from 'uuid';
import { AuditVerifier, verifyExport } from '../../src/audit';
import { appendAuditEvents, AuditBuffer } from '../../src/audit-trail';
import { TenantDatabase } from '../../src/database';
import { auditRows } from '../support/audit-rows';
import { TestApp } from '../support/test-app';

describe('audit trail', () => {
  let app: TestApp;
  let tenants: TenantDatabase;
  let other: string;

  beforeAll(async () => {
    app = await TestApp.start();
    tenants = new TenantDatabase(app.database.runtime);
    const { body } = await app.request('post', '/api/workspaces').send({ name: 'Other' });
    other = body.id;
  });

  afterAll(async () => {
    await app.close();
  });

  const rename = (node: TestApp, name: string, workspaceId = other) =>
    node.request('patch', `/api/workspaces/${workspaceId}`).send({ name }).expect(200);
  const verify = async (workspaceId: string) =>
    app.app.get(AuditVerifier, { strict: false }).verify(workspaceId);

  it('is appended to by two nodes at once without a gap and without a loss', async () => {
    const node = await TestApp.start({ nodeOf: app });
    const before = (await auditRows(app, other)).length;
    const over = new AbortController();
    const verified = (async () => {
      const results = [];
      while (!over.signal.aborted) results.push(await verify(other));
      return results;
    })();
    const buffers = [app, node].map((each) => each.app.get(AuditBuffer, { strict: false }));
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        await rename(index % 2 === 0 ? app : node, `n${index}`);
        for (const workspaceId of [other, app.workspaceId]) {
          const use = { action: 'api-key.used', subjectId: null, purpose: String(index) } as const;
          buffers[index % 2]!.record({ workspaceId, ...use });
        }
        if (index % 10 === 0) await buffers[index % 2]!.flush();
      }),
    );
    over.abort();
    await node.app.close();
    await buffers[0]!.flush();
    expect((await verified).filter((result) => !result.ok)).toEqual([]);
    const rows = (await auditRows(app, other)).slice(before);
    const names = rows.filter((row) => row.action === 'workspace.renamed');
    const uses = rows.filter((row) => row.action === 'api-key.used');
    expect(new Set(names.map((row) => row.details.name)).size).toBe(200);
    expect(new Set(uses.map((row) => row.purpose)).size).toBe(200);
    expect(rows).toHaveLength(400);
    expect(rows.map((row) => Number(row.sequence))).toEqual(
      rows.map((_, index) => before + index + 1),
    );
    for (const workspaceId of [other, app.workspaceId]) {
      expect(await verify(workspaceId)).toMatchObject({ ok: true });
    }
  });

  it('is hashed the same way by the database and by the verifier, whatever the details are', async () => {
    // No backslash: JSON.parse of Node 24.21 may give a name with one the name of an earlier object.
    const name = fc.stringMatching(/^[A-Za-z0-9 "./-]{1,12}$/);
    const text = fc
      .string({ unit: 'binary', maxLength: 40 })
      .map((value) => value.replaceAll('\0', ''));
    const value = fc.oneof(text, fc.maxSafeInteger(), fc.boolean(), fc.constant(null));
    const details = fc.dictionary(name, value, { maxKeys: 8, noNullPrototype: true });
    await fc.assert(
      fc.asyncProperty(fc.array(details, { minLength: 1, maxLength: 20 }), async (many) => {
        await tenants.writeAsServer(other, (manager) =>
          appendAuditEvents(
            manager,
            ...many.map((one) => ({
              ...{ workspaceId: other, action: 'api-key.used' as const, subjectId: null },
              details: one,
            })),
          ),
        );
        expect(await verify(other)).toMatchObject({ ok: true });
      }),
      { numRuns: 30 },
    );
  });

  it('takes nothing from a transaction that is rolled back, and holds it up no longer', async () => {
    const before = await auditRows(app, other);
    const event = { workspaceId: other, action: 'api-key.used', subjectId: null } as const;
    const failing = tenants.writeAsServer(other, async (manager) => {
      await appendAuditEvents(manager, event);
      throw new Error('changed its mind');
    });
    await expect(failing).rejects.toThrow('changed its mind');
    expect(await auditRows(app, other)).toEqual(before);
    await rename(app, 'After');
    expect(await verify(other)).toMatchObject({ ok: true, events: before.length + 1 });
  });

  it('shows a workspace its own events and nothing to anybody else', async () => {
    const count = async (workspaceId: string, table: string) => {
      const [row] = await tenants.read(workspaceId, (manager) =>
        manager.query(`SELECT count(*)::integer AS count FROM ${table}`),
      );
      return row.count as number;
    };
    for (const workspaceId of [other, app.workspaceId]) {
      expect(await count(workspaceId, 'audit_events')).toBe(
        (await auditRows(app, workspaceId)).length,
      );
      expect(await count(workspaceId, 'audit_heads')).toBe(1);
    }
    const [outside] = await app.database.runtime.query(
      `SELECT (SELECT count(*) FROM audit_events) + (SELECT count(*) FROM audit_heads) AS count`,
    );
    expect(Number(outside.count)).toBe(0);
  });

  it('cannot be written, changed or emptied by the application', async () => {
    for (const statement of [
      `INSERT INTO audit_events SELECT * FROM audit_events`,
      `UPDATE audit_events SET actor = 'server'`,
      `DELETE FROM audit_events`,
      `TRUNCATE audit_events`,
      `UPDATE audit_heads SET sequence = 0`,
      `DELETE FROM audit_heads`,
      `SELECT lock_audit_head(NULL)`,
      `SELECT audit_event_hash(NULL)`,
    ]) {
      const attempt = tenants.write(other, (manager) => manager.query(statement));
      await expect(attempt).rejects.toThrow('permission denied');
    }
    const forge = tenants.write(other, (manager) =>
      appendAuditEvents(manager, {
        ...{ workspaceId: app.workspaceId, action: 'api-key.used', subjectId: null },
      }),
    );
    await expect(forge).rejects.toThrow('an audit event of another workspace');
  });

  it('cannot be changed by the owner of the tables either, short of switching the trigger off', async () => {
    const { dataSource } = app.database;
    for (const statement of [
      `UPDATE audit_events SET actor = 'server'`,
      `DELETE FROM audit_events WHERE workspace_id = '${other}'`,
      `DELETE FROM audit_events WHERE workspace_id IS NULL OR sequence = 1`,
      `TRUNCATE audit_events`,
    ]) {
      await expect(dataSource.query(statement)).rejects.toThrow('audit_events is append-only');
    }
  });

  it('takes no details that are nested, large or not an object', async () => {
    for (const details of [
      '[]',
      '{"a": {}}',
      '{"a": [1]}',
      '"x"',
      `{"a": "${'x'.repeat(4096)}"}`,
    ]) {
      const event = {
        ...{ id: uuidv7(), workspace_id: other, occurred_at: new Date().toISOString() },
        ...{ actor: 'server', action: 'api-key.used', subject_type: 'api-key' },
        details: JSON.parse(details) as unknown,
      };
      const append = app.database.runtime.query(`SELECT append_audit_events($1)`, [
        JSON.stringify([event]),
      ]);
      await expect(append).rejects.toThrow(/audit_events_details|non-object/);
    }
  });

  describe('over the API', () => {
    const list = async (query: string, token?: string) =>
      app.request('get', app.path(`audit-events${query}`, other), token);
    const idsOf = (body: { data: { id: string }[] }) => body.data.map((event) => event.id);

    it('is listed newest first, in pages that are the whole chain', async () => {
      const ids: string[] = [];
      let after = '';
      do {
        const { body } = await list(`?limit=100${after}`);
        ids.push(...idsOf(body));
        after = `&after=${body.nextCursor}`;
        if (!body.hasMore) break;
      } while (ids.length < 10_000);
      const rows = await auditRows(app, other);
      expect(ids).toEqual(rows.map((row) => row.id).reverse());
      expect(ids.length).toBeGreaterThan(400);
    });

    it('is filtered by action, actor, subject and time', async () => {
      const rows = (await auditRows(app, other)).reverse();
      const [token] = await app.database.dataSource.query(`SELECT id FROM access_tokens LIMIT 1`);
      const middle = rows[50]!.occurred_at;
      const cases: [string, (row: (typeof rows)[number]) => boolean][] = [
        ['action=workspace.created', (row) => row.action === 'workspace.created'],
        ['actor=server', (row) => row.actor === 'server'],
        [`actor=${token.id.toUpperCase()}`, (row) => row.actor === token.id],
        [`subjectId=${other}`, (row) => row.subject_id === other],
        [`from=${middle.toISOString()}`, (row) => row.occurred_at >= middle],
        [`to=${middle.toISOString()}`, (row) => row.occurred_at < middle],
        [`action=workspace.renamed&actor=server`, () => false],
      ];
      for (const [query, matches] of cases) {
        const { body } = await list(`?limit=100&${query}`);
        const expected = rows.filter(matches).map((row) => row.id);
        expect([query, idsOf(body)]).toEqual([query, expected.slice(0, 100)]);
      }
    });

    it.each([
      ['action=everything', '?action'],
      ['actor=me', '?actor'],
      ['subjectId=x', '?subjectId'],
      ['from=yesterday', '?from'],
      ['to=2026-02-30', '?to'],
      ['limit=0', '?limit'],
      ['limit=101', '?limit'],
      ['after=x', '?after'],
      ['details=x', '?details'],
    ])('refuses %s with 400', async (query, pointer) => {
      const { status, body } = await list(`?${query}`);
      expect([status, body.errors?.[0]?.pointer]).toEqual([400, pointer]);
    });

    it.each(['', '/export', '/verify'])('is for admins: audit-events%s', async (route) => {
      const ask = async (token: string) =>
        (await app.request('get', app.path(`audit-events${route}`, other), token)).status;
      expect(await ask(await app.tokenOf('developer', other))).toBe(403);
      expect(await ask(await app.tokenOf('admin', other))).toBe(200);
      expect(await ask(await app.tokenOf('owner', app.workspaceId))).toBe(404);
    });

    it('is exported in pages, to its end at that moment, while more is appended', async () => {
      const buffer = app.app.get(AuditBuffer, { strict: false });
      for (let number = 0; number < 2_500; number += 1) {
        buffer.record({ workspaceId: other, action: 'api-key.used', subjectId: null });
      }
      await buffer.flush();
      const before = (await auditRows(app, other)).length;
      const [answer] = await Promise.all([
        app.request('get', app.path('audit-events/export', other)).expect(200).buffer(),
        ...Array.from({ length: 20 }, (_, index) => rename(app, `during ${index}`)),
      ]);
      expect(answer.headers['content-type']).toContain('application/x-ndjson');
      const lines = createInterface({ input: Readable.from([answer.text]) });
      const result = await verifyExport(lines);
      expect(result).toMatchObject({ ok: true, workspaceId: other });
      expect(result.events).toBeGreaterThanOrEqual(before);
    });
  });
});
