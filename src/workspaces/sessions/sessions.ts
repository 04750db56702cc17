import { randomBytes } from 'node:crypto';
import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { appendAuditEvents } from '../../audit-trail';
import { AppError } from '../../common';
import { CryptoService } from '../../crypto';
import { TenantDatabase } from '../../database';
import type { AuthenticatedToken } from '../access-tokens/access-token-authenticator';
import type { Principal, Session } from '../access/principal';
import { SessionEntity } from './session.entity';

const LIFETIME_MS = 12 * 3_600_000;
const SWEEP_INTERVAL_MS = 600_000;

const AUTHENTICATE = `
  SELECT session_id AS "sessionId", session_expires_at AS "sessionExpiresAt", id AS "tokenId", home_workspace_id AS "homeWorkspaceId", role, scopes,
         agent_id AS "agentId", expires_at AS "expiresAt" FROM authenticate_session($1, $2)`;

type SessionRow = Omit<AuthenticatedToken, 'workspaceId' | 'credential'> & {
  readonly sessionId: string;
  readonly sessionExpiresAt: Date;
};

/** Who is signed in to the web UI. Read at each request, so an end holds at once, on every node. */
@Injectable()
export class Sessions implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Sessions.name);
  private sweep: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly tenants: TenantDatabase,
    private readonly crypto: CryptoService,
  ) {}

  onApplicationBootstrap(): void {
    this.sweep = setInterval(() => void this.forgetEnded(), SWEEP_INTERVAL_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.sweep);
  }

  /**
   * Signs in: for 12 hours at the most, and no longer than the secret that was sent.
   * @returns the session, and what its cookie says, which exists nowhere else.
   * @throws {AppError} `unprocessable` for a session: it would never end if it could begin another one.
   */
  async create(principal: Principal): Promise<{ text: string; session: Session }> {
    if (principal.session !== null) {
      throw new AppError('unprocessable', 'Sign in with an access token, not with a session.');
    }
    const text = `kr_ses_${randomBytes(32).toString('base64url')}`;
    const { homeWorkspaceId: workspaceId, tokenId } = principal;
    const endMs = Math.min(Date.now() + LIFETIME_MS, principal.expiresAt?.getTime() ?? Infinity);
    const session = {
      id: uuidv7(),
      workspaceId,
      tokenId,
      digest: await this.crypto.digestToken(text),
      expiresAt: new Date(endMs),
      authorityEndsAt: principal.expiresAt,
    };
    await this.tenants.write(workspaceId, async (manager) => {
      await manager.insert(SessionEntity, session);
      await appendAuditEvents(manager, {
        workspaceId,
        action: 'session.started',
        subjectId: session.id,
        details: { tokenId, expiresAt: session.expiresAt.toISOString() },
      });
    });
    return { text, session };
  }

  /** @throws {AppError} `unauthenticated`: unknown, idle for an hour, over, or its token is gone. */
  async authenticate(
    text: string,
    workspaceId: string | null,
  ): Promise<AuthenticatedToken & { session: Session }> {
    const digest = await this.crypto.digestToken(text);
    const [row] = await this.dataSource.query<SessionRow[]>(AUTHENTICATE, [digest, workspaceId]);
    if (row === undefined) throw new AppError('unauthenticated', 'The session is over. Sign in.');
    const { sessionId, sessionExpiresAt, ...token } = row;
    return {
      ...token,
      workspaceId: workspaceId ?? token.homeWorkspaceId,
      session: { id: sessionId, expiresAt: sessionExpiresAt },
      credential: { digest, isSession: true },
    };
  }

  /** Signs out. */
  async end(principal: Principal): Promise<void> {
    const { homeWorkspaceId: workspaceId, session } = principal;
    if (session === null) throw new AppError('not_found', 'No session: a token was sent.');
    await this.tenants.write(workspaceId, async (manager) => {
      await manager.delete(SessionEntity, { id: session.id, workspaceId });
      await appendAuditEvents(manager, {
        workspaceId,
        action: 'session.ended',
        subjectId: session.id,
      });
    });
  }

  /** Deletes what has ended; every ten minutes by itself. */
  async forgetEnded(): Promise<void> {
    try {
      await this.dataSource.query('SELECT forget_sessions()');
    } catch {
      this.logger.warn('ended sessions could not be deleted; the next sweep tries again');
    }
  }
}
