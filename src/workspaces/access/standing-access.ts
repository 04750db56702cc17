import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AppError } from '../../common';
import { type Authority, isAllowed } from './authority';
import type { Principal } from './principal';
import type { Permission, Role } from './roles';

/** What an answer rests on that goes on long after its request was let in. */
export interface StandingClaim {
  readonly principal: Pick<Principal, 'credential' | 'tokenId' | 'workspaceId'>;
  /** The permission that the route demands. */
  readonly permission: Permission;
  /** The agent that the answer is about; undefined: any. */
  readonly agentId: string | undefined;
}

const LOOK_UP = `
  SELECT place, role, scopes, agent_id AS "agentId" FROM look_up_access($1)`;

type AccessRow = Pick<Authority, 'scopes' | 'agentId'> & {
  readonly place: number;
  readonly role: Role | null;
};

/** Asks again, for answers that go on, what the guard asked when their requests came. */
@Injectable()
export class StandingAccess {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Counts as no use of a token or session: looking on keeps nobody signed in.
   * @returns for each claim why it does not hold any more; null: it holds.
   */
  async examine(claims: readonly StandingClaim[]): Promise<(AppError | null)[]> {
    const credentials = claims.map(({ principal }, place) => ({
      place,
      digest: principal.credential.digest.toString('hex'),
      is_session: principal.credential.isSession,
      workspace_id: principal.workspaceId,
    }));
    const rows = await this.dataSource.query<AccessRow[]>(LOOK_UP, [JSON.stringify(credentials)]);
    const found = new Map(rows.map((row) => [row.place, row]));
    return claims.map((claim, place) => judge(claim, found.get(place)));
  }
}

function judge({ permission, agentId }: StandingClaim, row: AccessRow | undefined) {
  if (row === undefined) return new AppError('unauthenticated', 'The token or session is over.');
  const { role } = row;
  if (role === null) return new AppError('not_found', 'No such workspace.');
  if (!isAllowed({ ...row, role, expiresAt: null }, permission)) {
    return new AppError('forbidden', `This needs the permission ${permission}.`);
  }
  if (row.agentId === null || row.agentId === agentId) return null;
  return new AppError('forbidden', 'This token is bound to another agent.');
}
