// Carries out a step of a Jenkins shared library as a pipeline would: the steps that it calls (withEnv, sh, unstable,
// error, currentBuild) do here what they do there. usage: groovy jenkins.groovy STEP.groovy NAME=VALUE...
// Prints the build's description and result, and what the step returned.
import org.codehaus.groovy.control.CompilerConfiguration

abstract class Steps extends Script {
    Map<String, String> variables = [:]
    Map currentBuild = [result: 'SUCCESS', description: '']

    void withEnv(List<String> settings, Closure body) {
        def before = new HashMap(variables)
        settings.each { setting ->
            def at = setting.indexOf('=')
            variables[setting.substring(0, at)] = setting.substring(at + 1)
        }
        try {
            body()
        } finally {
            variables = before
        }
    }

    int sh(Map given) {
        def file = File.createTempFile('jenkins', '.sh')
        file.text = given.script
        def builder = new ProcessBuilder('sh', '-xe', file.path).redirectErrorStream(true)
        builder.environment().putAll(variables)
        def process = builder.start()
        process.inputStream.eachLine { println it }
        def code = process.waitFor()
        file.delete()
        if (code != 0 && !given.returnStatus) {
            error("script returned exit code ${code}")
        }
        return code
    }

    void unstable(String message) {
        currentBuild.result = 'UNSTABLE'
        println "unstable: ${message}"
    }

    void error(String message) {
        currentBuild.result = 'FAILURE'
        throw new IllegalStateException(message)
    }
}

def settings = new CompilerConfiguration()
settings.scriptBaseClass = Steps.name
def step = new GroovyShell(this.class.classLoader, new Binding(), settings).parse(new File(args[0]))
def given = args.drop(1).collectEntries { [(it.substring(0, it.indexOf('='))): it.substring(it.indexOf('=') + 1)] }
def returned = null
try {
    returned = step.call(given)
} catch (IllegalStateException e) {
    println "error: ${e.message}"
}
println "description: ${step.currentBuild.description}"
println "result: ${step.currentBuild.result}"
println "returned: ${returned}"
