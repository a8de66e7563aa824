//! Where a PostgreSQL server is, from `postgresql://user:password@host:port/database?sslmode=prefer`.

use std::path::PathBuf;

use gradframe_ml_core::{Error, Result};
use percent_encoding::percent_decode_str;
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::tls::{Encryption, Mode};

const PORT: u16 = 5432;

/// A database of a server, and who asks.
#[derive(Clone, PartialEq, Eq)]
pub(in super::super) struct Address {
    pub(super) place: Place,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: String,
    pub(super) encryption: Encryption,
    /// As it was given, with the password.
    text: String,
}

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Host(String),
    /// The directory of its Unix socket.
    Socket(PathBuf),
}

impl Address {
    /// Errors: `Plan` for what is no such address, and for an option that is not known, naming it.
    pub fn parse(text: &str) -> Result<Self> {
        let url = Url::parse(text).map_err(|error| wrong(&format!("is no address: {error}")).because(error))?;
        if !matches!(url.scheme(), "postgresql" | "postgres") {
            return Err(wrong(&format!("begins with `{}:`", url.scheme())));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).map(decoded).transpose()?;
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(decoded).transpose()?;
        let database = decoded(url.path().trim_start_matches('/'))?;
        let mut address = Address {
            place: Place::Host(host.unwrap_or_else(|| "localhost".into())),
            port: url.port().unwrap_or(PORT),
            user: user.unwrap_or_else(default_user),
            password: url.password().map(decoded).transpose()?.or_else(|| environment("PGPASSWORD")),
            database,
            encryption: Encryption {
                mode: environment("PGSSLMODE").map_or(Ok(Mode::Prefer), |value| mode(&value))?,
                roots: environment("PGSSLROOTCERT").and_then(|value| roots(&value)),
            },
            text: text.to_owned(),
        };
        url.query_pairs().try_for_each(|(name, value)| address.set(&name, &value))?;
        if address.database.is_empty() {
            address.database = address.user.clone();
        }
        Ok(address)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "host" if value.starts_with('/') => self.place = Place::Socket(value.into()),
            "host" => self.place = Place::Host(value.into()),
            "port" => self.port = value.parse().map_err(|_| wrong(&format!("has port `{value}`, expected a number")))?,
            "user" => self.user = value.into(),
            "password" => self.password = Some(value.into()),
            "dbname" => self.database = value.into(),
            "sslmode" => self.encryption.mode = mode(value)?,
            "sslrootcert" => self.encryption.roots = roots(value),
            "application_name" | "connect_timeout" => {}
            _ => {
                let known = "host, port, user, password, dbname, sslmode and sslrootcert are known";
                return Err(wrong(&format!("has the unknown option `{name}`")).hint(known));
            }
        }
        Ok(())
    }

    /// As it was given: for processes that are started for this store. It may hold a password.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As messages show it, without the password.
    pub fn shown(&self) -> String {
        match &self.place {
            Place::Host(host) => format!("postgresql://{host}:{}/{}", self.port, self.database),
            Place::Socket(directory) => format!("postgresql:///{}?host={}", self.database, directory.display()),
        }
    }

    /// The name of the directory of what is on its way there.
    pub fn directory_name(&self) -> String {
        let readable: String = self.database.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(40).collect();
        format!("{readable}-{:016x}", xxh3_64(self.shown().as_bytes()))
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

fn mode(value: &str) -> Result<Mode> {
    Mode::of(value)
        .ok_or_else(|| wrong(&format!("has sslmode `{value}`")).hint("disable, allow, prefer, require, verify-ca or verify-full"))
}

/// `system` is what the system trusts.
fn roots(value: &str) -> Option<PathBuf> {
    (value != "system").then(|| value.into())
}

fn decoded(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(|text| text.into_owned()).map_err(|error| wrong("holds a part that is not UTF-8").because(error))
}

fn default_user() -> String {
    environment("PGUSER").or_else(|| environment("USER")).unwrap_or_else(|| "postgres".into())
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The address is not repeated: it may hold a password.
fn wrong(what: &str) -> Error {
    Error::plan("store", format!("the address of the store (GRADFRAME_STORE, --store) {what}"))
        .hint("expected postgresql://user:password@host:5432/database")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_read() {
        let address = Address::parse("postgresql://ann:p%40ss@db.example:6000/runs?sslmode=prefer").unwrap();
        assert_eq!(address.place, Place::Host("db.example".into()));
        assert_eq!((address.port, address.user.as_str(), address.password.as_deref()), (6000, "ann", Some("p@ss")));
        assert_eq!(address.database, "runs");
        assert_eq!(format!("{address:?}"), "postgresql://db.example:6000/runs", "no password in messages");
    }

    #[test]
    fn a_socket_is_named_by_its_directory() {
        let address = Address::parse("postgres:///runs?host=/run/postgresql&user=ann").unwrap();
        assert_eq!(address.place, Place::Socket("/run/postgresql".into()));
        assert_eq!(address.user, "ann");
    }

    #[test]
    fn encryption_is_asked_for_in_libpq_s_words() {
        for (words, mode, roots) in [
            ("sslmode=disable", Mode::Disable, None),
            ("sslmode=allow", Mode::Prefer, None),
            ("sslmode=require", Mode::Require, None),
            ("sslmode=verify-ca&sslrootcert=/ca.pem", Mode::VerifyCa, Some(PathBuf::from("/ca.pem"))),
            ("sslmode=verify-full&sslrootcert=system", Mode::VerifyFull, None),
        ] {
            let address = Address::parse(&format!("postgresql://b/c?{words}")).unwrap();
            assert_eq!(address.encryption, Encryption { mode, roots }, "{words}");
        }
    }

    #[test]
    fn what_is_no_such_address_is_refused_without_repeating_it() {
        for text in [
            "mysql://a:secret@b/c",
            "secret",
            "postgresql://a:secret@b/c?sslmode=maybe",
            "postgresql://a:secret@b/c?sslcert=x",
            "postgresql://a:secret@b/c?port=x",
        ] {
            let error = Address::parse(text).unwrap_err();
            assert_eq!(error.kind(), "Plan", "{text}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
