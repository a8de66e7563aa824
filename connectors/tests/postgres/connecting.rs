//! How a server is connected to: what cannot be reached, and what is encrypted.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;

#[test]
fn what_cannot_be_reached_says_why_at_once_and_never_the_password() {
    let Some(server) = Server::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let good = server.address("postgres");
    let wrong = [
        (good.replace("p%40ss%20word", "secret"), "password authentication failed"),
        (good.replace("/postgres", "/nobodys"), "does not exist"),
        // Runs begin without them (see `away`), but nothing else is done.
        ("postgresql://ann:secret@127.0.0.1:1/x".to_owned(), "no server answers"),
        ("postgresql://ann:secret@no.such.host.invalid/x".to_owned(), "no server answers"),
    ];
    for (address, expected) in wrong {
        let start = Instant::now();
        let store = open(&address, home.path());
        let error = match expected {
            "no server answers" => store.commit("m", model(0.5), true).err().unwrap(),
            _ => store.start(NewRun::default()).err().unwrap(),
        };
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.to_string().contains("secret") && start.elapsed() < Duration::from_secs(15), "{error}");
    }
    let store = open(&server.database("runs"), home.path());
    let error = store.start(NewRun { title: "a\0b".into(), ..NewRun::default() }).err().unwrap();
    assert_eq!(error.kind(), "Plan", "{error}");
    store.start(NewRun::default()).unwrap();
}

#[test]
fn connections_are_encrypted_as_the_address_says() {
    let Some(mut server) = Server::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let address = server.database("encrypted");
    let started = |words: &str| open(&format!("{address}?{words}"), home.path()).start(NewRun::default());
    let error = started("sslmode=require").unwrap_err();
    assert!(error.kind() == "External" && error.to_string().contains("does not encrypt connections"), "{error}");
    started("sslmode=prefer").unwrap().finish(RunOutcome::Finished).unwrap();

    let Some(authority) = server.encrypt() else { return };
    let authority = format!("sslrootcert={}", authority.display());
    let by_name = address.replace("127.0.0.1", "localhost");
    let encrypted =
        "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'gradframe'";
    for (address, words, count) in [
        (&address, "sslmode=disable".to_owned(), "0"),
        (&address, "sslmode=prefer".to_owned(), "1"),
        (&address, String::new(), "1"),
        (&address, "sslmode=require".to_owned(), "1"),
        (&address, format!("sslmode=verify-ca&{authority}"), "1"),
        (&by_name, format!("sslmode=verify-full&{authority}"), "1"),
    ] {
        let store = open(&format!("{address}?{words}"), home.path());
        let run = store.start(NewRun::default()).unwrap();
        log(&run, 1, 0.5).unwrap();
        run.flush().unwrap();
        assert_eq!(server.sql("encrypted", encrypted), count, "{words}");
        run.finish(RunOutcome::Finished).unwrap();
    }
    for (words, said) in [
        (format!("sslmode=verify-full&{authority}"), "not valid for name"),
        ("sslmode=verify-ca".to_owned(), "UnknownIssuer"),
        ("sslmode=verify-ca&sslrootcert=/none.pem".to_owned(), "/none.pem"),
    ] {
        let error = started(&words).unwrap_err();
        assert!(error.kind() == "External" && error.to_string().contains(said), "{words}: {error}");
    }
}

/// Answers a few connections as a server that starts, and leads the others to the server at this port.
fn starting(port: u16, refused: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().flatten().enumerate() {
            if number < refused {
                refuse(client);
                continue;
            }
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            for (mut from, mut to) in [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)] {
                std::thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
            }
        }
    });
    own
}

fn refuse(mut client: TcpStream) {
    const REFUSAL: &[u8] = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
    let mut asked = [0; 1024];
    let read = client.read(&mut asked).unwrap();
    // Asked for encryption first, it has none.
    if read == 8 {
        client.write_all(b"N").unwrap();
        let _ = client.read(&mut asked).unwrap();
    }
    let length = (REFUSAL.len() as u32 + 4).to_be_bytes();
    client.write_all(&[b"E", &length[..], REFUSAL].concat()).unwrap();
}

#[test]
fn a_server_that_says_that_it_starts_is_waited_for() {
    let Some(server) = Server::start() else { return };
    let address = server.database("runs");
    let home = tempfile::tempdir().unwrap();
    open(&address, home.path()).start(NewRun::default()).unwrap().finish(RunOutcome::Finished).unwrap();
    let port: u16 = address.rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap();
    let through = |refused: usize| address.replace(&format!(":{port}/"), &format!(":{}/", starting(port, refused)));
    // A process that has not seen it yet.
    let store = open(&through(5), &home.path().join("other"));
    assert_eq!(rows(&store, LogTable::Runs).num_rows(), 1);
    let impatient =
        Store::open_shared_waiting(&through(usize::MAX), home.path().join("third"), Duration::from_millis(300)).unwrap();
    let error = impatient.scan(LogTable::Runs, &LogQuery::default()).unwrap_err();
    assert!(error.kind() == "External" && error.to_string().contains("is starting up"), "{error}");
}
