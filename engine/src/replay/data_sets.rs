//! What two runs call their data sets, so that each is compared with its like.

/// A query for the data sets of these runs, all columns of `gradframe.datasets` and `label`: the role, and where one of both has several of
/// a role their names beside it. Several of one role and name, which digests tell apart, are numbered.
pub fn labelled_data_sets(runs: [&str; 2]) -> String {
    let [a, b] = runs.map(|run| format!("'{}'", run.replace('\'', "''")));
    format!(
        "SELECT *, concat(role, CASE WHEN max(of_role) OVER (PARTITION BY role) > 1 THEN concat(' ', name) ELSE '' END,
             CASE WHEN max(of_name) OVER (PARTITION BY role, name) > 1 THEN concat(' ', arrow_cast(place, 'Utf8')) ELSE '' END) AS label
         FROM (SELECT *, count(*) OVER (PARTITION BY run, role) AS of_role,
                   count(*) OVER (PARTITION BY run, role, name) AS of_name,
                   row_number() OVER (PARTITION BY run, role, name ORDER BY digest) AS place
               FROM gradframe.datasets WHERE run IN ({a}, {b}))"
    )
}
