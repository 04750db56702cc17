import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { AuditVerifier, InvalidExport, verifyExport } from '../../src/audit';
import { type AuditRecord, hashOf } from '../../src/audit/audit-record';
import { auditRows, tamper } from '../support/audit-rows';
import { TestApp } from '../support/test-app';

const MIDDLE = 5;
const LAST = 10;

describe('verification of the audit trail', () => {
  let app: TestApp;
  let verifier: AuditVerifier;
  let workspaceId: string;

  beforeAll(async () => {
    app = await TestApp.start();
    verifier = app.app.get(AuditVerifier, { strict: false });
  });

  afterAll(async () => {
    await app.close();
  });

  /** A workspace of its own, with ten events. */
  beforeEach(async () => {
    const { body } = await app.request('post', '/api/workspaces').send({ name: '1' }).expect(201);
    workspaceId = body.id;
    for (let number = 2; number <= LAST; number += 1) {
      await app
        .request('patch', `/api/workspaces/${workspaceId}`)
        .send({ name: String(number) })
        .expect(200);
    }
  });

  const verify = async () =>
    (await app.request('get', app.path('audit-events/verify', workspaceId)).expect(200)).body;
  const exported = async () =>
    (await app.request('get', app.path('audit-events/export', workspaceId)).expect(200).buffer())
      .text;
  const verifyText = (text: string) =>
    verifyExport(createInterface({ input: Readable.from([text]) }));
  /** A condition that picks one event of the workspace. */
  const event = (sequence: number) => `workspace_id = '${workspaceId}' AND sequence = ${sequence}`;
  const set = (assignment: string, sequence = MIDDLE) =>
    tamper(app, `UPDATE audit_events SET ${assignment} WHERE ${event(sequence)}`);

  it('finds an intact chain intact, and tells where it ends', async () => {
    const rows = await auditRows(app, workspaceId);
    expect(rows.map((row) => row.sequence)).toEqual(rows.map((_, index) => String(index + 1)));
    expect(await verify()).toEqual({
      ok: true,
      events: LAST,
      head: { sequence: LAST, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      firstBroken: null,
    });
  });

  it.each([
    ['id', `id = gen_random_uuid()`],
    ['occurred_at', `occurred_at = occurred_at + interval '1 microsecond'`],
    ['actor', `actor = 'server'`],
    ['action', `action = 'workspace.created'`],
    ['subject_type', `subject_type = 'token'`],
    ['subject_id', `subject_id = NULL`],
    ['purpose', `purpose = ''`],
    ['request_id', `request_id = NULL`],
    ['details, a value', `details = '{"name": "6"}'`],
    ['details, the type of a value', `details = '{"name": 5}'`],
    ['details, a field more', `details = details || '{"x": null}'`],
    ['previous_hash', `previous_hash = sha256('x')`],
    ['hash', `hash = sha256('x')`],
  ])('finds a change of %s', async (_, assignment) => {
    await set(assignment);
    const broken = { firstBroken: { sequence: MIDDLE, reason: 'changed' } };
    expect(await verify()).toMatchObject({ ok: false, events: LAST, ...broken });
    expect(await verifyText(await exported())).toMatchObject({ ok: false, ...broken });
  });

  it('covers every column of the table', async () => {
    const columns = await app.database.dataSource.query<{ name: string }[]>(
      `SELECT attname AS name FROM pg_attribute
        WHERE attrelid = 'audit_events'::regclass AND attnum > 0 ORDER BY attnum`,
    );
    // Each is changed by a test of this file; a new one must become part of the hash first.
    expect(columns.map((column) => column.name).join(' ')).toBe(
      'id workspace_id sequence occurred_at actor action subject_type subject_id purpose request_id details previous_hash hash',
    );
  });

  it('finds a change whose hash was recomputed, at the event after it', async () => {
    await tamper(
      app,
      `UPDATE audit_events SET actor = 'server' WHERE ${event(MIDDLE)}`,
      `UPDATE audit_events SET hash = audit_event_hash(audit_events) WHERE ${event(MIDDLE)}`,
    );
    expect((await verify()).firstBroken).toEqual({ sequence: MIDDLE + 1, reason: 'changed' });
  });

  it.each([
    ['in the middle', MIDDLE],
    ['at the start', 1],
    ['at the end', LAST],
  ])('finds that an event was deleted %s', async (_, sequence) => {
    await tamper(app, `DELETE FROM audit_events WHERE ${event(sequence)}`);
    expect((await verify()).firstBroken).toEqual({ sequence, reason: 'missing' });
    expect((await verifyText(await exported())).firstBroken).toEqual({
      sequence,
      reason: 'missing',
    });
  });

  it('finds that all events were deleted', async () => {
    await tamper(app, `DELETE FROM audit_events WHERE workspace_id = '${workspaceId}'`);
    expect((await verify()).firstBroken).toEqual({ sequence: 1, reason: 'missing' });
  });

  it('finds that an event was moved to another place or another workspace', async () => {
    await set('sequence = 999', LAST);
    expect((await verify()).firstBroken).toEqual({ sequence: LAST, reason: 'missing' });
    await set(`workspace_id = '${app.workspaceId}', sequence = 3`, MIDDLE);
    expect((await verify()).firstBroken).toEqual({ sequence: MIDDLE, reason: 'missing' });
    expect(await verifier.verify(app.workspaceId)).toMatchObject({ ok: false });
    await tamper(
      app,
      `DELETE FROM audit_events WHERE workspace_id = '${app.workspaceId}' AND sequence = 3`,
    );
  });

  it('finds that two events were swapped', async () => {
    await set('sequence = 998', 4);
    await set('sequence = 4', 7);
    await set('sequence = 7', 998);
    expect((await verify()).firstBroken).toEqual({ sequence: 4, reason: 'changed' });
  });

  const copy = (sequence: number, to: string) => `
    INSERT INTO audit_events SELECT gen_random_uuid(), workspace_id, ${to}, occurred_at, actor, action,
      subject_type, subject_id, purpose, request_id, details, hash, hash
      FROM audit_events WHERE ${event(sequence)}`;

  it('finds that an event was inserted, at the end and between', async () => {
    const end = String(LAST + 1);
    const seal = `UPDATE audit_events SET hash = audit_event_hash(audit_events) WHERE ${event(LAST + 1)}`;
    await tamper(app, copy(LAST, end), seal);
    expect((await verify()).firstBroken).toEqual({ sequence: LAST + 1, reason: 'inserted' });

    await tamper(
      app,
      `UPDATE audit_events SET sequence = sequence + 1000 WHERE workspace_id = '${workspaceId}' AND sequence > 5`,
      `UPDATE audit_events SET sequence = sequence - 999 WHERE workspace_id = '${workspaceId}' AND sequence > 5`,
      copy(5, '6'),
    );
    expect((await verify()).firstBroken).toEqual({ sequence: 6, reason: 'changed' });
  });

  it('finds a head that was removed or changed', async () => {
    await tamper(
      app,
      `UPDATE audit_heads SET hash = sha256('x') WHERE workspace_id = '${workspaceId}'`,
    );
    expect((await verify()).firstBroken).toEqual({ sequence: LAST, reason: 'head-changed' });
    await tamper(app, `DELETE FROM audit_heads WHERE workspace_id = '${workspaceId}'`);
    expect((await verify()).firstBroken).toEqual({ sequence: LAST, reason: 'head-missing' });
    // It cannot be hidden by further events either: the chain takes none.
    await app.request('patch', `/api/workspaces/${workspaceId}`).send({ name: 'x' }).expect(500);
  });

  it('finds a chain that was cut with its head, or rewritten, by an end that was kept elsewhere', async () => {
    const { head } = await verify();
    await tamper(
      app,
      `DELETE FROM audit_events WHERE ${event(LAST)}`,
      `UPDATE audit_heads SET (sequence, hash) = (SELECT sequence, hash FROM audit_events WHERE ${event(LAST - 1)})
        WHERE workspace_id = '${workspaceId}'`,
    );
    expect(await verify()).toMatchObject({ ok: true });
    expect((await verifier.verify(workspaceId, head)).firstBroken).toEqual({
      sequence: LAST,
      reason: 'missing',
    });
    await app.request('patch', `/api/workspaces/${workspaceId}`).send({ name: 'x' }).expect(200);
    expect(await verify()).toMatchObject({ ok: true, events: LAST });
    expect((await verifier.verify(workspaceId, head)).firstBroken).toEqual({
      sequence: LAST,
      reason: 'changed',
    });
  });

  it('verifies every chain, the server first', async () => {
    await app.request('delete', `/api/workspaces/${workspaceId}`).expect(204);
    const results = [];
    for await (const result of verifier.verifyAll()) results.push(result);
    expect(results[0]).toMatchObject({ workspaceId: null, ok: true, events: 1 });
    await tamper(app, `UPDATE audit_events SET actor = 'server' WHERE workspace_id IS NULL`);
    expect(await verifier.verify(null)).toMatchObject({
      firstBroken: { sequence: 1, reason: 'changed' },
    });
    await tamper(app, `DELETE FROM audit_events WHERE workspace_id IS NULL`);
    expect(await verifier.verify(null)).toMatchObject({
      firstBroken: { sequence: 1, reason: 'missing' },
    });
  });

  describe('of an export', () => {
    it('finds what the database has', async () => {
      const text = await exported();
      const lines = text.trimEnd().split('\n');
      expect(lines).toHaveLength(LAST + 1);
      expect(JSON.parse(lines[0]!)).toMatchObject({ sequence: 1, action: 'workspace.created' });
      const { head } = await verify();
      expect(await verifyText(text)).toEqual({
        ...{ workspaceId, ok: true, events: LAST, head, firstBroken: null },
      });
    });

    it('finds lines that were cut, swapped, repeated or replaced', async () => {
      const lines = (await exported()).trimEnd().split('\n');
      const verifyLines = async (changed: string[]) =>
        (await verifyText(changed.join('\n'))).firstBroken;
      expect(await verifyLines(lines.slice(0, -1))).toEqual({
        sequence: LAST,
        reason: 'head-missing',
      });
      expect(await verifyLines(lines.toSpliced(-2, 1))).toEqual({
        sequence: LAST,
        reason: 'missing',
      });
      expect(await verifyLines(lines.toSpliced(3, 1))).toEqual({ sequence: 4, reason: 'missing' });
      expect(await verifyLines(lines.toSpliced(3, 0, lines[2]!))).toEqual({
        sequence: 3,
        reason: 'inserted',
      });
      const renamed = lines[4]!.replace('"name":"5"', '"name":"6"');
      expect(await verifyLines(lines.toSpliced(4, 1, renamed))).toEqual({
        sequence: 5,
        reason: 'changed',
      });
    });

    it('finds an event of another workspace, though its hash fits', async () => {
      const lines = (await exported()).trimEnd().split('\n');
      const last = JSON.parse(lines[LAST - 1]!) as AuditRecord;
      const forged = { ...last, workspaceId: app.workspaceId };
      const hash = hashOf(forged);
      const head = { head: { workspaceId, sequence: LAST, hash } };
      const end = [JSON.stringify({ ...forged, hash }), JSON.stringify(head)];
      const result = await verifyText(lines.toSpliced(-2, 2, ...end).join('\n'));
      expect(result.firstBroken).toEqual({ sequence: LAST, reason: 'changed' });
    });

    it.each([
      [
        'a field more',
        (line: string) => line.replace('{', '{"note":"innocent",'),
        'is no audit event',
      ],
      ['a field twice', (line: string) => line.replace('{', '{"actor":"server",'), 'was edited'],
      ['other white space', (line: string) => line.replace(',', ', '), 'was edited'],
      ['half a line', (line: string) => line.slice(0, 40), 'is no JSON'],
    ])('refuses %s, naming the line', async (_, change, reason) => {
      const lines = (await exported()).split('\n');
      const verification = verifyText(lines.toSpliced(2, 1, change(lines[2]!)).join('\n'));
      await expect(verification).rejects.toThrow(new RegExp(`Line 3 ${reason}`));
      await expect(verification).rejects.toThrow(InvalidExport);
    });
  });
});
