"""Says at the end how many of the cases' queries can be written as SQL, and what the others hold."""

import same


def pytest_terminal_summary(terminalreporter):
    told, total = same.AS_SQL, sum(same.AS_SQL.values())
    if total:
        alike = told["the same rows"]
        terminalreporter.write_line(f"queries as SQL text: {alike} of {total} give the same rows ({alike / total:.1%})")
        for what, count in told.most_common():
            if what != "the same rows":
                terminalreporter.write_line(f"  {count:5} no words for {what}")
