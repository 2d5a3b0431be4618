import com.sun.net.httpserver.HttpServer;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;

/** The sample's tests, without a framework, so that a JDK is all that is needed. */
public final class HelloServiceTest {
    private HelloServiceTest() {}

    private static void same(String what, Object expected, Object got) {
        if (!expected.equals(got)) throw new AssertionError(what + ": expected " + expected + ", got " + got);
    }

    private static String get(int port, String path, int status) throws Exception {
        HttpURLConnection c = (HttpURLConnection) new URL("http://127.0.0.1:" + port + path).openConnection();
        same(path, status, c.getResponseCode());
        try (InputStream in = status < 400 ? c.getInputStream() : c.getErrorStream()) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    public static void main(String[] args) throws Exception {
        same("nobody", "Hello, world!", HelloService.greeting(null));
        same("blank", "Hello, world!", HelloService.greeting("  "));
        same("somebody", "Hello, Ada!", HelloService.greeting(" Ada "));
        same("option", "8081", HelloService.option(new String[] {"--port", "8081"}, "port", "8080"));
        HttpServer server = HelloService.serve("127.0.0.1", 0);
        try {
            int port = server.getAddress().getPort();
            same("greeting", "Hello, Ada!", get(port, "/?Ada", 200));
            same("health", "{\"status\":\"up\"}", get(port, "/health", 200));
            get(port, "/nothing", 404);
        } finally {
            server.stop(0);
        }
        System.out.println("all tests passed");
    }
}
