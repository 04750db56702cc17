import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { appendAuditEvents } from '../../audit-trail';
import { AppError } from '../../common';
import { CryptoService } from '../../crypto';
import { TenantDatabase } from '../../database';
import { isAccessToken } from './access-token.format';

const OUR_TOKENS = /kr_pat_[0-9A-Za-z]{36}/g;
/** A token or session of ours or the common form of a provider key; `task-4` is neither. */
const SECRET = /kr_(pat|ses)_|(?<![\w-])sk-[\w-]{16,}/;

interface LeakedToken {
  readonly id: string;
  readonly homeWorkspaceId: string;
  readonly isRevoked: boolean;
}

/** Secrets in URLs: they end up in the logs of proxies and the history of browsers, so they are burnt. */
@Injectable()
export class LeakedTokens {
  private readonly logger = new Logger(LeakedTokens.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly tenants: TenantDatabase,
    private readonly crypto: CryptoService,
  ) {}

  /**
   * Refuses a request with a secret in its URL, and revokes each live token of ours in it. The only owner of a
   * workspace is not revoked, since nobody could get in any more.
   * @throws {AppError} `secret_in_url`
   */
  async refuse(url: string): Promise<void> {
    const text = decode(url);
    if (!SECRET.test(text)) return;
    const leaks = [...new Set(text.match(OUR_TOKENS))].filter(isAccessToken);
    const tokens = await Promise.all(leaks.map((token) => this.revoke(token)));
    throw new AppError('secret_in_url', describe(tokens.filter((token) => token !== null)));
  }

  private async revoke(token: string): Promise<LeakedToken | null> {
    const [leak] = await this.dataSource.query<LeakedToken[]>(
      `SELECT id, home_workspace_id AS "homeWorkspaceId", is_revoked AS "isRevoked"
         FROM revoke_leaked_token($1)`,
      [await this.crypto.digestToken(token)],
    );
    if (leak === undefined) return null;
    const { id, homeWorkspaceId, isRevoked } = leak;
    await this.tenants.writeAsServer(homeWorkspaceId, (manager) =>
      appendAuditEvents(manager, {
        workspaceId: homeWorkspaceId,
        action: 'token.leaked',
        subjectId: id,
        details: { isRevoked },
      }),
    );
    this.logger.warn({ message: 'an access token was sent in a URL', ...leak });
    return leak;
  }
}

function describe(tokens: readonly LeakedToken[]): string | undefined {
  if (tokens.length === 0) return undefined;
  return tokens.every((token) => token.isRevoked)
    ? 'The access token was revoked. Make another one and send it in the Authorization header.'
    : 'The access token is the only owner of a workspace, so it still works: rotate it now.';
}

/** As a server or proxy would read it; what cannot be decoded is searched as it is. */
function decode(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}
