// A shared library's step for Jenkins (a library keeps vars/ at its top: copy it there, or set the library path to
// data/ci). In a Jenkinsfile:
//
//   @Library('bakehour') _
//   node('aws') {
//       checkout scm
//       bakehour(environment: 'internal')
//   }
//
// It needs git, bakehour and AWS credentials on the agent, and one build at a time (disableConcurrentBuilds(), or a lock).
// An agent that keeps its disk may use the file backend of "state"; agents that do not need dynamodb.
def call(Map given = [:]) {
    def wanted = [environment: '', command: 'deploy', options: '--yes'] + given
    def code = 0
    withEnv(["BAKEHOUR_COMMAND=${wanted.command}", "BAKEHOUR_OPTIONS=${wanted.options}", "BAKEHOUR_ENVIRONMENT=${wanted.environment}"]) {
        code = sh(label: "bakehour ${wanted.command}", returnStatus: true, script: '''
            set +e
            # A stopped build gets SIGTERM in every process of its own: the program leaves in good order by itself.
            trap '' TERM
            set -- $BAKEHOUR_COMMAND $BAKEHOUR_OPTIONS
            [ -z "$BAKEHOUR_ENVIRONMENT" ] || set -- "$@" --env "$BAKEHOUR_ENVIRONMENT"
            ( trap - TERM; exec bakehour "$@" )
            exit $?
        ''')
    }
    def outcomes = [0: 'done', 3: 'over-budget', 4: 'over-budget', 5: 'rolled-back', 6: 'capped', 7: 'broken', 75: 'waiting']
    def outcome = outcomes.containsKey(code) ? outcomes[code] : 'failed'
    currentBuild.description = "bakehour ${wanted.command}: ${outcome}"
    if (code == 4) {
        unstable('The budget is over by forecast')
    } else if (!(code in [0, 75])) {
        error("bakehour ${wanted.command}: ${outcome} (exit code ${code})")
    }
    return outcome
}
