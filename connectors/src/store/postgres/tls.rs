//! Encrypted connections: how encryption is asked for, and whose certificates are taken. The words are libpq's: `sslmode` and `sslrootcert`.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gradframe_ml_core::{Error, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned,
};

use super::login::NotConnected;
use super::wire::Stream;

/// Asks whether the server encrypts; its answer is one byte. Source: PostgreSQL's manual, "Message Formats", SSLRequest.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// What is asked of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Encryption {
    pub mode: Mode,
    /// A file of certificates that are trusted; None for those of the system.
    pub roots: Option<PathBuf>,
}

/// `sslmode`; `allow` is `prefer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    Disable,
    /// If the server encrypts.
    Prefer,
    /// Against those who listen, not those who stand between.
    Require,
    /// The certificate is of somebody who is trusted.
    VerifyCa,
    /// And names the host.
    VerifyFull,
}

impl Mode {
    pub fn of(text: &str) -> Option<Self> {
        Some(match text {
            "disable" => Mode::Disable,
            "allow" | "prefer" => Mode::Prefer,
            "require" => Mode::Require,
            "verify-ca" => Mode::VerifyCa,
            "verify-full" => Mode::VerifyFull,
            _ => return None,
        })
    }
}

impl Encryption {
    /// As libpq has it: who names certificates to trust wants them checked.
    fn checked_mode(&self) -> Mode {
        match (self.mode, &self.roots) {
            (Mode::Require, Some(_)) => Mode::VerifyCa,
            (mode, _) => mode,
        }
    }
}

/// The stream as it is asked for, nothing said on it yet.
pub(super) fn over(
    mut stream: TcpStream,
    host: &str,
    encryption: &Encryption,
) -> std::result::Result<Box<dyn Stream>, NotConnected> {
    let mode = encryption.checked_mode();
    if mode == Mode::Disable {
        return Ok(Box::new(stream));
    }
    let mut answer = [0];
    let heard = stream.write_all(&SSL_REQUEST).and_then(|()| stream.read_exact(&mut answer));
    heard.map_err(|error| NotConnected { error: broken(host, error), is_away: true })?;
    match answer[0] {
        b'S' => encrypted(stream, host, mode, encryption.roots.as_deref())
            .map(|stream| Box::new(stream) as Box<dyn Stream>)
            .map_err(|error| NotConnected { error, is_away: false }),
        b'N' if mode == Mode::Prefer => Ok(Box::new(stream)),
        b'N' => {
            let error = Error::external("store", format!("the server at {host} does not encrypt connections"));
            Err(NotConnected { error: error.hint("ssl = on in its postgresql.conf, or sslmode=disable"), is_away: false })
        }
        // An error message, of a server that takes nobody just now.
        _ => {
            let error = Error::external("store", format!("the server at {host} does not say whether it encrypts connections"));
            Err(NotConnected { error, is_away: true })
        }
    }
}

/// Shakes hands, so that what is wrong with a certificate is said here.
fn encrypted(
    stream: TcpStream,
    host: &str,
    mode: Mode,
    roots: Option<&Path>,
) -> Result<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| Error::plan("store", format!("`{host}` is no name of a host")).because(error))?;
    let connection = ClientConnection::new(Arc::new(config(mode, roots)?), name);
    let connection = connection.map_err(|error| Error::external("store", error.to_string()).because(error))?;
    let mut stream = StreamOwned::new(connection, stream);
    match stream.conn.complete_io(&mut stream.sock) {
        Ok(_) => Ok(stream),
        Err(error) => {
            Err(broken(host, error).hint("sslrootcert=FILE names the certificate to trust; sslmode=require trusts any"))
        }
    }
}

fn broken(host: &str, error: io::Error) -> Error {
    Error::external("store", format!("no encrypted connection to {host}: {error}")).because(error)
}

fn config(mode: Mode, roots: Option<&Path>) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(Arc::clone(&provider), mode, roots)?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Error::internal("store", error.to_string()).because(error))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

/// Takes certificates as the mode says.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// None takes any certificate.
    chains: Option<Arc<WebPkiServerVerifier>>,
    /// What the user's file holds: a server's own certificate may be trusted as it is.
    pinned: Vec<CertificateDer<'static>>,
    checks_name: bool,
}

impl Verifier {
    fn new(provider: Arc<CryptoProvider>, mode: Mode, roots: Option<&Path>) -> Result<Self> {
        let checks_name = mode == Mode::VerifyFull;
        if mode < Mode::VerifyCa {
            return Ok(Verifier { provider, chains: None, pinned: vec![], checks_name });
        }
        let pinned = roots.map(read).transpose()?.unwrap_or_default();
        let mut trusted = RootCertStore::empty();
        match roots {
            Some(_) => trusted.add_parsable_certificates(pinned.iter().cloned()),
            None => trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
        };
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider)).build();
        let chains = chains.map_err(|error| {
            let what = format!("there is no certificate to trust: {error}");
            Error::external("store", what).because(error).hint("sslrootcert=FILE names one")
        })?;
        Ok(Verifier { provider, chains: Some(chains), pinned, checks_name })
    }

    fn is_pinned(&self, certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
        let is_named = || ParsedCertificate::try_from(certificate).is_ok_and(|parsed| verify_server_name(&parsed, name).is_ok());
        self.pinned.iter().any(|pinned| pinned == certificate) && (!self.checks_name || is_named())
    }
}

/// The certificates of a file.
fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>);
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(Error::external("store", format!("`{}` (sslrootcert) holds no certificate", path.display()))),
        Err(error) => {
            let what = format!("`{}` (sslrootcert) cannot be read: {error}", path.display());
            Err(Error::external("store", what).because(error))
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let Some(chains) = &self.chains else { return Ok(ServerCertVerified::assertion()) };
        let verified = chains.verify_server_cert(certificate, intermediates, name, ocsp_response, now);
        match verified {
            // The chain has been found good before the name is looked at.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.checks_name => Ok(ServerCertVerified::assertion()),
            Err(_) if self.is_pinned(certificate, name) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
