//! A PostgreSQL server of the test's own, from Debian's packages: data in a temporary directory, a port that was free.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const PASSWORD: &str = "p@ss word";
/// An authority, and a certificate for a server of its.
const CERTIFICATES: &str = "
    openssl req -x509 -newkey rsa:2048 -nodes -keyout authority.key -out authority.pem -subj /CN=authority -days 2
    openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost
    printf 'subjectAltName = DNS:localhost\nbasicConstraints = CA:FALSE\n' > extensions
    openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -out server.pem -days 2 -extfile extensions
    chmod 600 server.key";

/// A server, stopped when dropped.
pub struct Server {
    programs: PathBuf,
    directory: tempfile::TempDir,
    port: u16,
    running: Option<Child>,
}

impl Server {
    /// None, with a word about it, where PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("skipped: no PostgreSQL (apt-get install postgresql)");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        // A server does not run as root: its user has to get here.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Server { programs, directory, port, running: None };
        std::fs::write(server.directory.path().join("password"), PASSWORD).unwrap();
        let mut initdb = server.program("initdb");
        initdb.args(["--no-sync", "-U", "ann", "-A", "scram-sha-256", "--auth-local=trust", "-E", "UTF8", "--locale=C"]);
        initdb.arg("--pwfile").arg(server.directory.path().join("password"));
        let made = initdb.arg("-D").arg(server.data()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.start_again();
        Some(server)
    }

    /// The address of a database, which is made if it is not there.
    pub fn database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE \"{name}\""));
        self.address(name)
    }

    pub fn address(&self, name: &str) -> String {
        format!("postgresql://ann:p%40ss%20word@127.0.0.1:{}/{name}", self.port)
    }

    /// By the socket, where no password is asked for.
    pub fn socket_address(&self, name: &str) -> String {
        format!("postgresql:///{name}?user=ann&port={}&host={}", self.port, self.directory.path().display())
    }

    /// For [`super::database_of`]: the address by the socket, and the psql that makes databases.
    pub fn for_tests(&self) -> String {
        format!("{}|{}", self.socket_address("postgres"), self.programs.join("psql").display())
    }

    /// What psql prints of a statement's answer.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let mut psql = self.program("psql");
        psql.args(["-U", "ann", "-d", database, "-At", "-p", &self.port.to_string(), "-h"]).arg(self.directory.path());
        let output = psql.args(["-c", sql]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Encrypts connections from now on, by a certificate of `localhost` that the authority signs whose file this gives.
    /// None, with a word about it, without the program `openssl`.
    pub fn encrypt(&mut self) -> Option<PathBuf> {
        let place = self.directory.path().join("certificates");
        std::fs::create_dir(&place).unwrap();
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o777)).unwrap();
        let made = self.program("sh").current_dir(&place).args(["-ec", CERTIFICATES]).output().unwrap();
        if !made.status.success() {
            eprintln!("skipped: no certificates (apt-get install openssl): {}", String::from_utf8_lossy(&made.stderr));
            return None;
        }
        let settings = format!("ssl = on\nssl_cert_file = '{0}/server.pem'\nssl_key_file = '{0}/server.key'\n", place.display());
        let mut config = std::fs::File::options().append(true).open(self.data().join("postgresql.conf")).unwrap();
        config.write_all(settings.as_bytes()).unwrap();
        self.crash();
        self.start_again();
        Some(place.join("authority.pem"))
    }

    /// Ends it as a power cut would.
    pub fn crash(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        let stopped = Command::new("kill").args(["-QUIT", &running.id().to_string()]).status().unwrap();
        assert!(stopped.success());
        running.wait().unwrap();
    }

    pub fn start_again(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.directory.path().join("log")).unwrap();
        let mut postgres = self.program("postgres");
        postgres.arg("-D").arg(self.data()).arg("-k").arg(self.directory.path()).args(["-p", &self.port.to_string()]);
        postgres.args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "fsync=off",
            "-c",
            "max_connections=60",
            "-c",
            "shared_buffers=32MB",
        ]);
        self.running = Some(postgres.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let start = Instant::now();
        while self.sql("postgres", "SELECT 1") != "1" {
            assert!(start.elapsed() < Duration::from_secs(60), "the server does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let own = self.programs.join(name);
        let mut command = Command::new(if own.is_file() { own } else { name.into() });
        command.current_dir("/");
        if let Some((user, group)) = other_user() {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.crash();
    }
}

/// The newest of Debian's directories, or that of `initdb` in PATH.
fn programs() -> Option<PathBuf> {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|version| version.path().join("bin"));
    let of_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let has_both = |directory: &PathBuf| directory.join("initdb").is_file() && directory.join("psql").is_file();
    let newest = versions.filter(has_both).max_by_key(|path| number(path));
    newest.or_else(|| of_path.into_iter().find(has_both))
}

fn number(bin: &Path) -> u32 {
    bin.parent().and_then(Path::file_name).and_then(|name| name.to_str()).and_then(|name| name.parse().ok()).unwrap_or(0)
}

/// User and group for a server that is started by root.
fn other_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok().filter(|output| output.status.success())?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    };
    if id(&["-u"])? != 0 {
        return None;
    }
    ["postgres", "nobody"].iter().find_map(|user| Some((id(&["-u", user])?, id(&["-g", user])?)))
}
