import { Injectable } from '@nestjs/common';
import { appendAuditEvents } from '../../audit-trail';
import { AppError } from '../../common';
import { CryptoService } from '../../crypto';
import { TenantDatabase } from '../../database';
import { refuseBeyond } from '../access/authority';
import type { Principal } from '../access/principal';
import { AccessTokenEntity, AccessTokenGrantEntity } from './access-token.entity';
import { generateAccessToken } from './access-token.format';
import { SessionEntity } from '../sessions/session.entity';
import type { GrantedToken } from './access-tokens.service';

const ROTATE = `
  UPDATE access_tokens
     SET digest = $2, last4 = $3, previous_digest = CASE WHEN $4 > 0 THEN digest END,
         previous_expires_at = CASE WHEN $4 > 0 THEN now() + make_interval(secs => $4) END
   WHERE id = $1`;

/** Replaces the secret of a token, which stays the same token: its id, role, scopes and expiry. */
@Injectable()
export class AccessTokenRotation {
  constructor(
    private readonly tenants: TenantDatabase,
    private readonly crypto: CryptoService,
  ) {}

  /**
   * Whoever rotates a token can use it from then on, so this needs all that the token has, everywhere.
   * @param overlapSeconds - how long the present secret still works; an older one ends at once.
   * @returns the row, and the new secret, which exists nowhere else.
   * @throws {AppError} `not_found`; `unprocessable` outside of the token's home workspace; `forbidden` when
   * the token may do more than the caller.
   */
  async rotate(
    principal: Principal,
    tokenId: string,
    overlapSeconds: number,
  ): Promise<{ granted: GrantedToken; text: string }> {
    const { workspaceId } = principal;
    const text = generateAccessToken();
    const digest = await this.crypto.digestToken(text);
    const granted = await this.tenants.write(workspaceId, async (manager) => {
      const grant = await manager.findOneBy(AccessTokenGrantEntity, { tokenId, workspaceId });
      const token = await manager.findOneBy(AccessTokenEntity, { id: tokenId });
      if (grant === null || token === null) throw new AppError('not_found', 'No such token.');
      if (token.homeWorkspaceId !== workspaceId) {
        throw new AppError('unprocessable', 'A token is rotated in its home workspace.');
      }
      const { scopes, agentId, expiresAt } = token;
      refuseBeyond(principal, { role: grant.role, scopes, agentId, expiresAt });
      const [reach] = await manager.query<{ isBeyond: boolean }[]>(
        'SELECT token_reaches_beyond($1, $2) AS "isBeyond"',
        [tokenId, principal.tokenId],
      );
      if (reach?.isBeyond !== false) {
        throw new AppError('forbidden', 'The token has access to workspaces that you have not.');
      }
      await manager.query(ROTATE, [tokenId, digest, text.slice(-4), overlapSeconds]);
      // Whoever signed in with the old secret would otherwise stay.
      await manager.delete(SessionEntity, { tokenId, workspaceId });
      const rotated = await manager.findOneByOrFail(AccessTokenEntity, { id: tokenId });
      await appendAuditEvents(manager, {
        workspaceId,
        action: 'token.rotated',
        subjectId: tokenId,
        details: { last4: rotated.last4, overlapSeconds },
      });
      return { id: tokenId, role: grant.role, token: rotated };
    });
    return { granted, text };
  }
}
