//! How a server is connected to: what cannot be reached, and what is encrypted.

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
