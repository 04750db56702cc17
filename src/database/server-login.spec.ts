import { Client } from 'pg';
import { Secret } from '../common';
import { serverLogin } from './server-login';

const connectionOf = (url: string) => {
  const { user, password, host, port, database } = new Client({ connectionString: url });
  return { user, password, host, port, database };
};

describe('the login of the server', () => {
  it.each([
    'postgres://owner:secret@db.example:6543/keyrun?application_name=x&connect_timeout=5',
    'postgresql://owner:s%40cr%2Fet%3F@[::1]/keyrun',
    'postgres://owner:secret@/keyrun?host=/var/run/postgresql',
    'postgres:///keyrun?host=/var/run/postgresql&user=owner&password=secret&port=7',
    'postgres://owner:secret@%2Fvar%2Frun%2Fpostgresql/keyrun',
  ])('takes the place of the owner in %s', (url) => {
    const login = serverLogin(new Secret(url));
    const connection = connectionOf(login.url.expose());
    expect(connection).toEqual({
      ...connectionOf(url),
      user: login.name,
      password: login.password?.expose(),
    });
    expect(login.name).toMatch(/^keyrun_server_[0-9a-f]{8}$/);
    expect(login.url.expose()).not.toMatch(/owner|secret|s%40cr/);
  });

  it('keeps what else the connection string says', () => {
    const { url } = serverLogin(new Secret('postgres://o:p@h/d?sslmode=verify-full&a=1'));
    expect(url.expose()).toMatch(/@h\/d\?sslmode=verify-full&a=1$/);
  });

  it('is the same for everybody who has the connection string, and another one for every owner', () => {
    const login = (url: string) => {
      const { name, password } = serverLogin(new Secret(url));
      return [name, password?.expose()];
    };
    const [name, password] = login('postgres://owner:secret@h/d');
    expect(login('postgres://owner:secret@elsewhere:1/other')).toEqual([name, password]);
    expect(password).toMatch(/^[\w-]{43}$/);
    const [sameName, otherPassword] = login('postgres://owner:secret2@h/d');
    expect(sameName).toBe(name);
    expect(otherPassword).not.toBe(password);
    const other = login('postgres://owner2:secret@h/d');
    expect(other[0]).not.toBe(name);
    expect(other[1]).not.toBe(password);
  });

  it('has no password where the owner has none, rather than one that everybody could derive', () => {
    const { password, url } = serverLogin(new Secret('postgres://owner@h/d'));
    expect(password).toBeNull();
    expect(new URL(url.expose()).password).toBe('');
  });
});
